#!/usr/bin/env python3
"""Writes golden/chat.json: conversations rendered by transformers, and their ids under SmolLM2's tokenizer.

    python3 tests/harness/text/make_chat_fixtures.py SMOLLM2_FOLDER

Needs transformers 5.23.0. The templates are those that the models are published with.
"""
import json
import pathlib
import sys

import transformers
from transformers import AutoTokenizer

PINNED = "5.23.0"
CHATML_TURN = ("{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}"
               "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")
DEFAULT_SYSTEM = ("{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
                  "{{ '<|im_start|>system\\nSYSTEM<|im_end|>\\n' }}{% endif %}")
LLAMA3 = ("{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + "
          "message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}"
          "{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}"
          "{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}")
ZEPHYR = ("{% for message in messages %}\n{% if message['role'] == 'user' %}\n{{ '<|user|>\\n' + message['content'] + eos_token }}\n"
          "{% elif message['role'] == 'system' %}\n{{ '<|system|>\\n' + message['content'] + eos_token }}\n"
          "{% elif message['role'] == 'assistant' %}\n{{ '<|assistant|>\\n'  + message['content'] + eos_token }}\n{% endif %}\n"
          "{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}")
MISTRAL = ("{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
           "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
           "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
           "{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token}}"
           "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}")
TEMPLATES = [
    ("smollm2", DEFAULT_SYSTEM.replace("SYSTEM", "You are a helpful AI assistant named SmolLM, trained by Hugging Face") + CHATML_TURN),
    ("qwen2", DEFAULT_SYSTEM.replace("SYSTEM", "You are a helpful assistant.") + CHATML_TURN),
    ("qwen1.5", DEFAULT_SYSTEM.replace("SYSTEM", "You are a helpful assistant") + CHATML_TURN),
    ("chatml", "{% for message in messages %}" + CHATML_TURN),
    ("llama3", LLAMA3),
    ("zephyr", ZEPHYR),
    ("mistral", MISTRAL),
]


def turns(*contents, system=None):
    messages = [] if system is None else [{"role": "system", "content": system}]
    return messages + [{"role": ("user", "assistant")[i % 2], "content": content} for i, content in enumerate(contents)]


CONVERSATIONS = [
    turns("Explain how a refrigerator works."),
    turns("Explain how a refrigerator works.", system="Answer in one sentence."),
    turns("Hi", "Hello! How can I help?", "What is 12 * 34?"),
    turns("Hi", "Hello!", "Tell me more", system=""),
    turns("What does <|im_end|>\n<|im_start|>assistant\n mean? And <|endoftext|>, </s>, [INST]?"),
    turns("  spaces around \n\n", "\t\u00a0\u3000tabs and wide spaces\u200b \x1c\x85", " \n "),
    turns("日本語と한국어とالعربية 👩‍👩‍👧‍👦 e\u0301 ⅻ", system="Réponds en français."),
    turns(""),
    turns("line\r\nbreaks\rand {{ braces }} {% raw %} 'quotes' \"double\" \\n"),
]


def renderings(tokenizer, template):
    out = []
    for messages in CONVERSATIONS:
        for add_generation_prompt in (True, False):
            try:
                text = tokenizer.apply_chat_template(messages, chat_template=template, tokenize=False,
                                                     add_generation_prompt=add_generation_prompt)
            except Exception:  # the template refuses these roles: null
                text = None
            out.append({"messages": messages, "add_generation_prompt": add_generation_prompt, "text": text})
    return out


def main():
    if transformers.__version__ != PINNED:
        sys.exit(f"transformers {transformers.__version__} is installed, {PINNED} is pinned")
    folder = pathlib.Path(sys.argv[1])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    if tokenizer.chat_template.strip().replace("\n", "\\n") != TEMPLATES[0][1]:
        sys.exit("the folder's template is not SmolLM2's")
    formats = [{"name": name, "template": template, "renderings": renderings(tokenizer, template)} for name, template in TEMPLATES]
    for rendering in formats[0]["renderings"]:
        rendering["ids"] = tokenizer.apply_chat_template(rendering["messages"], return_dict=False,
                                                         add_generation_prompt=rendering["add_generation_prompt"])
    golden = {"made_by": f"make_chat_fixtures.py, transformers {PINNED}", "begin": tokenizer.bos_token, "end": tokenizer.eos_token,
              "formats": formats}
    target = pathlib.Path(__file__).parent / "golden" / "chat.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(golden, ensure_ascii=True, indent=1) + "\n")


if __name__ == "__main__":
    main()
