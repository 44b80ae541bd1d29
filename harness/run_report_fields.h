#pragma once
#include "harness/run_report.h"

// Every value of a report, with the name that it has in JSON, once: the writer and the reader both visit this list.
// `fields(visitor, value)` calls visitor(name, member) in the order of the file.
namespace kvdiff {

template <class V> void fields(V& v, Place& p) {
  v("step", p.step), v("layer", p.layer), v("head", p.head), v("index", p.index);
}

template <class V> void fields(V& v, TokenChoice& t) {
  v("id", t.id), v("text", t.text), v("logit", t.logit), v("logprob", t.logprob);
}

template <class V> void fields(V& v, Divergence& d) {
  v("step", d.step), v("reference", d.reference), v("candidate", d.candidate);
  v("reference_for_candidate", d.reference_for_candidate);
  v("reference_top", d.reference_top), v("candidate_top", d.candidate_top);
  v("reference_margin", d.reference_margin), v("candidate_margin", d.candidate_margin), v("near_tie", d.near_tie);
}

template <class V> void fields(V& v, LimitBreach& b) {
  v("metric", b.metric), v("value", b.value), v("limit", b.limit), v("step", b.step), v("layer", b.layer);
}

template <class V> void fields(V& v, BytesReport& b) {
  v("codes", b.codes), v("scales", b.scales), v("zeros", b.zeros), v("residual", b.residual);
  v("total", b.total), v("full_precision", b.full_precision);
}

template <class V> void fields(V& v, Bytes& b) {
  v("codes", b.codes), v("scales", b.scales), v("zeros", b.zeros), v("residual", b.residual);
}

template <class V> void fields(V& v, SideReceipt& r) {
  v("tokens_quantized", r.tokens_quantized), v("tokens_residual", r.tokens_residual), v("flushes", r.flushes);
  v("encoded_elements", r.encoded_elements), v("largest_requantized", r.largest_requantized);
  v("distinct_codes", r.distinct_codes), v("quantized_reads", r.quantized_reads);
  v("largest_error", r.largest_error), v("error_bound", r.error_bound);
  v("out_of_band", r.out_of_band), v("not_finite", r.not_finite), v("measured", r.measured), v("expected", r.expected);
}

template <class V> void fields(V& v, SideProof& p) {
  v("codec", p.codec), v("quantizes", p.quantizes), v("proof", p.receipt);
}

template <class V> void fields(V& v, LayerProof& p) { v("key", p.key), v("value", p.value); }
template <class V> void fields(V& v, ReceiptReport& r) { v("layers", r.layers); }

template <class V> void fields(V& v, StageFigures& s) {
  v("stage", s.stage), v("figures", s.figures), v("relative_l2_by_head", s.relative_l2_by_head);
  v("max_abs_place", s.max_abs_place);
}

template <class V> void fields(V& v, LayerFigures& l) { v("layer", l.layer), v("stages", l.stages); }

template <class V> void fields(V& v, HeatMapReport& h) {
  v("stage", h.stage), v("steps", h.steps), v("steps_per_column", h.steps_per_column), v("relative_l2", h.relative_l2);
}

template <class V> void fields(V& v, StepCurve& c) { v("stage", c.stage), v("relative_l2", c.relative_l2); }

template <class V> void fields(V& v, FlushError& f) {
  v("stage", f.stage), v("step", f.step), v("layer", f.layer), v("relative_l2", f.relative_l2), v("max_abs", f.max_abs);
}

template <class V> void fields(V& v, LocalReport& l) {
  v("steps", l.steps), v("layers", l.layers), v("by_step", l.by_step), v("heat_maps", l.heat_maps);
  v("flushes", l.flushes);
}

template <class V> void fields(V& v, FlipReport& f) {
  v("step", f.step), v("reference", f.reference), v("candidate", f.candidate);
  v("reference_margin", f.reference_margin), v("gap", f.gap), v("candidate_rank", f.candidate_rank);
  v("near_tie", f.near_tie);
}

template <class V> void fields(V& v, PerplexityReport& p) {
  v("reference", p.reference), v("candidate", p.candidate), v("ratio", p.ratio);
}

template <class V> void fields(V& v, OnsetReport& o) {
  v("step", o.step), v("threshold", o.threshold), v("window", o.window);
}

template <class V> void fields(V& v, BeyondPositions& b) { v("first_step", b.first_step), v("summary", b.summary); }

template <class V> void fields(V& v, ForcedReport& f) {
  v("steps", f.steps), v("summary", f.summary), v("onset", f.onset), v("perplexity", f.perplexity);
  v("beyond_positions", f.beyond_positions), v("kld", f.kld), v("top1_match", f.top1_match), v("flips", f.flips);
  v("layers", f.layers), v("by_step", f.by_step), v("heat_maps", f.heat_maps), v("flushes", f.flushes);
}

template <class V> void fields(V& v, GibberishReport& g) {
  v("kind", g.kind), v("onset", g.onset), v("period", g.period), v("turns", g.turns), v("period_text", g.period_text);
  v("reference_too", g.reference_too), v("evidence", g.evidence), v("nll", g.nll);
}

template <class V> void fields(V& v, FreeReport& f) {
  v("tokens", f.tokens), v("text", f.text), v("stopped_by", f.stop_reason);
  v("first_divergence", f.first_divergence), v("divergence_offset", f.divergence_offset);
  v("gibberish", f.gibberish), v("gibberish_offset", f.gibberish_offset);
}

template <class V> void fields(V& v, NotFiniteReport& n) {
  v("mode", n.mode), v("stage", n.stage), v("place", n.place), v("in_reference", n.in_reference);
  v("in_candidate", n.in_candidate), v("value", n.value), v("count", n.count);
}

template <class V> void fields(V& v, NotMeasured& n) { v("what", n.what), v("reason", n.reason); }

template <class V> void fields(V& v, PeerVerdict& p) {
  v("raises", p.raises), v("silently_wrong", p.silently_wrong), v("at_dequantize", p.at_dequantize);
  v("exception", p.exception), v("message", p.message);
}

template <class V> void fields(V& v, PeerFailure& p) {
  v("update", p.update), v("layer", p.layer), v("side", p.side), v("verdict", p.verdict);
}

template <class V> void fields(V& v, LaneDigests& d) { v("key", d.key), v("value", d.value), v("logits", d.logits); }

template <class V> void fields(V& v, LaneReport& l) {
  v("name", l.name), v("role", l.role), v("cache", l.cache), v("canonical", l.canonical), v("status", l.status);
  v("reason", l.reason), v("exit_code", l.exit_code), v("breach", l.breach), v("steps", l.steps), v("bytes", l.bytes);
  v("warnings", l.warnings), v("peer_failures", l.peer_failures), v("not_finite", l.not_finite);
  v("not_measured", l.not_measured), v("digests", l.digests), v("reproduce", l.reproduce);
  v("free", l.free), v("forced", l.forced), v("local", l.local), v("receipt", l.receipt);
}

template <class V> void fields(V& v, EnvironmentReport& e) {
  v("kvdiff_version", e.kvdiff_version), v("compiler", e.compiler), v("cpu", e.cpu);
  v("operating_system", e.operating_system), v("cpu_features", e.cpu_features), v("simd", e.simd);
  v("threads", e.threads), v("device", e.device), v("torch_version", e.torch_version), v("time", e.time);
}

template <class V> void fields(V& v, DigestsReport& d) {
  v("build", d.build), v("model", d.model), v("tokenizer", d.tokenizer), v("prompt", d.prompt), v("config", d.config);
}

template <class V> void fields(V& v, ModelReport& m) {
  v("path", m.path), v("family", m.family), v("weights_dtype", m.weights_dtype), v("dtype", m.dtype);
  v("attention", m.attention), v("layers", m.layers), v("heads", m.heads), v("kv_heads", m.kv_heads);
  v("head_size", m.head_size), v("vocabulary", m.vocabulary), v("positions", m.positions);
}

template <class V> void fields(V& v, PromptReport& p) {
  v("source", p.source), v("format", p.format), v("text", p.text), v("token_ids", p.token_ids);
}

template <class V> void fields(V& v, SamplingReport& s) {
  v("temperature", s.temperature), v("top_k", s.top_k), v("top_p", s.top_p), v("seed", s.seed);
}

template <class V> void fields(V& v, SettingsReport& s) {
  v("scenario", s.scenario), v("modes", s.modes), v("tokens", s.tokens), v("ignore_eos", s.ignore_eos);
  v("continue_file", s.continue_file), v("sampling", s.sampling);
}

template <class V> void fields(V& v, FloorCheck& c) {
  v("measured", c.measured), v("exact", c.exact), v("difference", c.difference);
}

template <class V> void fields(V& v, ArithmeticFloor& a) { v("by_step", a.by_step); }

template <class V> void fields(V& v, FloorsReport& f) {
  v("control", f.control), v("recomputation", f.recomputation), v("arithmetic", f.arithmetic);
}

template <class V> void fields(V& v, PhaseTime& p) { v("phase", p.phase), v("seconds", p.seconds); }

template <class V> void fields(V& v, TimingReport& t) {
  v("seconds", t.seconds), v("steps_per_second", t.steps_per_second), v("phases", t.phases);
}

template <class V> void fields(V& v, LimitReport& l) { v("metric", l.metric), v("value", l.value); }

template <class V> void fields(V& v, RunReport& r) {
  v("exit_code", r.exit_code), v("partial", r.partial), v("interruption", r.partial_reason);
  v("reproduce", r.reproduce), v("environment", r.environment), v("digests", r.digests), v("model", r.model);
  v("prompt", r.prompt), v("settings", r.settings), v("limits", r.limits), v("floors", r.floors);
  v("warnings", r.warnings), v("not_measured", r.not_measured), v("lanes", r.lanes), v("timing", r.timing);
}

}  // namespace kvdiff
