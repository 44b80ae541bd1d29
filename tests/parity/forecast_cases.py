"""What area_forecast.py asks: drawn caches, steps and cache_configs. Small heads, so that thousands are cheap."""

COUNT = 420  # caches that only append; --full: ten times as many of all


def pick(draw, choices):
    return choices[int(draw.integers(len(choices)))]


def spec_of(backend, options):
    if backend == "fp8":
        return "hf-fp8"
    side = f"{backend}:bits={options['nbits']},group={options['q_group_size']}"
    lane = f"residual={options['residual_length']},schedule=hf"
    return f"k={side},axis={options['axis_key']},{lane}/v={side},axis={options['axis_value']},{lane}"


def drawn_options(draw, backend):
    axes = (0, 1) if backend == "hqq" else (0, -1)
    group = pick(draw, (2, 4, 8, 8, 16)) if draw.random() < 0.9 else int(draw.integers(1, 40))
    return {"nbits": pick(draw, (1, 2, 3, 3, 4, 8) if backend == "hqq" else (2, 4)), "axis_key": pick(draw, axes),
            "axis_value": pick(draw, axes), "q_group_size": group, "residual_length": int(draw.integers(0, 7))}


def case_of(backend, shape, options, steps, gradients=False):
    return {"backend": backend, "spec": spec_of(backend, options), "shape": shape, "options": options, "steps": steps,
            "gradients": gradients}


def drawn_prompt(draw):
    """Pieces of a prompt."""
    return [int(draw.integers(1, 41))] + [int(n) for n in draw.integers(1, 9, pick(draw, (0, 0, 0, 1, 2)))]


def update_cases(parity):
    draw = parity.random("forecast updates")
    for turn in range(COUNT * (10 if parity.full else 1)):
        backend = "quanto" if turn % 4 == 3 else "hqq"
        options = drawn_options(draw, backend)
        shape = [pick(draw, (1, 1, 2, 3)), pick(draw, (1, 2, 3, 4)), 1, pick(draw, (2, 4, 8, 8, 16))]
        if options["nbits"] == 3 and draw.random() < 0.5:  # B * H / group = 1: the first row stands for all
            shape[0], shape[1] = 1, options["q_group_size"]
        yield case_of(backend, shape, options, drawn_prompt(draw) + [1] * int(draw.integers(1, 13)))


def drawn_operation(draw):
    kind = draw.random()
    if kind < 0.4:
        return {"crop": pick(draw, (-5, -2, -1, -1, 0, 3))}
    return "deepcopy" if kind < 0.75 else "copy"


def operation_cases(parity):
    """Caches that hold: only operations can fail."""
    draw = parity.random("forecast operations")
    for turn in range(120 * (10 if parity.full else 1)):
        backend = ("hqq", "quanto", "fp8")[turn % 3]
        residual = int(draw.integers(2, 6))
        options = {"nbits": 4, "axis_key": 0, "axis_value": 0, "q_group_size": 4, "residual_length": residual}
        steps = [int(draw.integers(1, 20))] if draw.random() < 0.95 else []
        for _ in range(int(draw.integers(1, 12))):
            steps.append(drawn_operation(draw) if draw.random() < 0.3 and steps else 1)
        if draw.random() < 0.9:
            steps.append(drawn_operation(draw))
        yield case_of(backend, [1, 2, 1, 8], options if backend != "fp8" else {}, steps, bool(draw.random() < 0.3))


def config_cases(parity):
    draw = parity.random("forecast configs")
    for turn in range(160 * (10 if parity.full else 1)):
        backend = pick(draw, ("hqq", "hqq", "quanto", "quanto", "fp8", "HQQ", "kivi"))
        config = {"backend": backend}
        for name, legal, odd in [("nbits", (4, 2), (-1, 0, 1, 3, 5, 6, 8, 16)), ("axis_key", (0,), (-2, -1, 1, 2)),
                                 ("axis_value", (0,), (-2, -1, 1, 2)), ("residual_length", (0, 128), (-1,))]:
            if draw.random() < 0.5:
                config[name] = pick(draw, odd if draw.random() < 0.3 else legal)
        groups = (0, -1, -2, -4, -7) if backend == "hqq" else (0, -1, -2, -4, -7, 3, 4, 64)
        if draw.random() < 0.8 or backend == "hqq":
            config["q_group_size"] = pick(draw, groups)
        yield config, [pick(draw, (1, 2)), 2, int(draw.integers(1, 9)), 8]
