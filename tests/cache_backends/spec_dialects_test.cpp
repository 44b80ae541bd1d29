#include "cache_backends/spec_dialects.h"

#include "cache_backends/error.h"
#include "tests/catch.h"
#include "tests/support/messages.h"

using namespace kvdiff;
using namespace kvdiff::test;

namespace {

std::string canonical_of(std::string_view text) { return canonical(parse_any_spec(text).spec); }

std::string message_of(std::string_view text) {
  try {
    return "accepted as " + canonical_of(text);
  } catch (const UserError& error) {
    CHECK(error.code() == ExitCode::usage);
    return error.what();
  }
}

}  // namespace

TEST_CASE("transformers' cache_config in all its spellings", "[spec][dialect]") {
  const std::string expected = "k=hqq:residual=32/v=hqq:axis=1";
  for (const std::string_view text : {
           "backend=hqq,nbits=4,axis_key=0,axis_value=1,q_group_size=64,residual_length=32",
           R"({"backend": "hqq", "nbits": 4, "axis_key": 0, "axis_value": 1, "q_group_size": 64, "residual_length": 32})",
           "{'backend':'hqq','axis_value':1,'residual_length':32,}",
           R"(cache_config={"backend": "hqq", "axis_value": 1, "residual_length": 32, "nbits": None})",
           R"(dict(backend="hqq", axis_value=1, residual_length=32))",
           R"(QuantizedCacheConfig(backend="hqq", axis_value=1, residual_length=32))",
           "nbits=4, backend='hqq', axis_value=1,  residual_length = 32",
       }) {
    INFO(text);
    CHECK(canonical_of(text) == expected);
    CHECK(parse_any_spec(text).spec.text == text);
  }
  CHECK(canonical_of("backend=hqq") == "hqq");
  CHECK(canonical_of("hqq:bits=2") == "hqq:bits=2");
  CHECK(parse_any_spec("backend=hqq,device='cuda:0',compute_dtype=torch.float16").notes.size() == 2);
}

TEST_CASE("what transformers or kvdiff cannot do is said", "[spec][dialect]") {
  CHECK(contains(message_of("backend=HQQ"), {"'HQQ'", "quanto, hqq and fp8", "'hqq'"}));
  CHECK(canonical_of("backend=quanto,axis_key=-1,axis_value=0") == "k=quanto:axis=-1/v=quanto");
  CHECK(canonical_of("nbits=4") == "quanto");  // the backend when none is given
  CHECK(contains(message_of("backend=quanto,nbits=8"), {"bits='8'", "quanto"}));
  CHECK(canonical_of("backend=fp8") == "hf-fp8");
  CHECK(contains(message_of("backend=fp8,residual_length=64"), {"residual_length", "no such option"}));
  CHECK(contains(message_of("backend=hqq,nbit=4"), {"Did you mean 'nbits'?"}));
  CHECK(contains(message_of("backend=hqq,nbits=5"), {"bits='5'"}));
  CHECK(contains(message_of("backend=hqq,nbits=four"), {"nbits='four'"}));
  CHECK(contains(message_of("backend=hqq,nbits=4,nbits=4"), {"twice"}));
  CHECK(contains(message_of("backend=hqq,residual_length=-1"), {"residual='-1'"}));
  CHECK(contains(message_of("{'backend': 'hqq'"), {"neither a dictionary"}));
  CHECK(contains(message_of("{}"), {"not an argument"}));
  CHECK(contains(message_of("{'backend' 'hqq'}"), {"not an argument"}));
}

TEST_CASE("llama.cpp's flags", "[spec][dialect]") {
  CHECK(canonical_of("-ctk f16 -ctv f16") == "full:dtype=float16");
  CHECK(canonical_of("-ctk bf16") == "k=full:dtype=bfloat16/v=full:dtype=float16");
  CHECK(canonical_of("--cache-type-v  f32") == "k=full:dtype=float16/v=full:dtype=float32");
  CHECK(canonical_of("-ctk q8_0 -ctv q4_0") == "k=q8_0/v=q4_0");
  CHECK(canonical_of("-ctk iq4_nl") == "k=iq4_nl/v=full:dtype=float16");
  CHECK(contains(message_of("-ctk q8"), {"'q8'", "q8_0, q4_0", "mean 'q8_0'"}));
  CHECK(contains(message_of("-ctk"), {"missing"}));
  CHECK(contains(message_of("-ctk f16 -ctk f16"), {"twice"}));
  CHECK(contains(message_of("-fa on"), {"'-fa'"}));
}

TEST_CASE("specs in other tools' words, and back", "[spec][dialect]") {
  for (const std::string_view text :
       {"hqq", "hqq:bits=2,group=32,residual=0", "k=hqq:axis=0,bits=8/v=hqq:axis=1,bits=8", "hqq:bits=3,residual=7",
        "quanto", "k=quanto:axis=-1,bits=2/v=quanto:bits=2,residual=32"}) {
    const CacheSpec spec = parse_cache_spec(text);
    const DialectForm form = to_transformers(spec);
    INFO(form.text);
    REQUIRE_FALSE(form.text.empty());
    CHECK(form.note.empty());
    CHECK(parse_any_spec(form.text).spec == spec);
    CHECK(to_llama_cpp(spec).text.empty());
  }
  CHECK(to_transformers(parse_cache_spec("hqq")).text ==
        R"({"backend": "hqq", "nbits": 4, "axis_key": 0, "axis_value": 0, "q_group_size": 64, "residual_length": 128})");
  CHECK(to_transformers(parse_cache_spec("hqq:schedule=hf-5.15")).note == "with transformers 4.41 to 5.15, but 4.54");
  CHECK(to_transformers(parse_cache_spec("hqq:solver_dtype=float16")).note == "with a model on CUDA");
  const auto reason = [](std::string_view text) {
    const DialectForm form = to_transformers(parse_cache_spec(text));
    CHECK(form.text.empty());
    return form.note;
  };
  CHECK(reason("full").find("DynamicCache") != std::string::npos);
  CHECK(reason("int8") == "transformers has no int8 cache");
  CHECK(reason("k=hqq:bits=8/v=hqq") == "transformers has one bits for keys and values");
  CHECK(reason("hqq+0@full") == "transformers has one cache_config for all layers");
  CHECK(reason("k=full/v=hqq").find("keys and values, or neither") != std::string::npos);
  CHECK(reason("hqq:schedule=streaming").find("streaming") != std::string::npos);
  CHECK(reason("hqq:prefill=quantized").find("prompt") != std::string::npos);
  CHECK(reason("hqq:solver=off").find("off-0.2.6") != std::string::npos);
  CHECK(reason("kivi") == "transformers has no kivi cache");
  CHECK(reason("quanto:schedule=streaming").find("streaming") != std::string::npos);
  CHECK(reason("hf-fp8:schedule=hf").find("hf") != std::string::npos);
  CHECK(reason("k=quanto/v=hqq") == "transformers has one backend for keys and values");
  CHECK(to_transformers(parse_cache_spec("hf-fp8")).text == R"({"backend": "fp8"})");
  CHECK(to_llama_cpp(parse_cache_spec("q8_0")).note.find("LLAMA_ATTN_ROT_DISABLE") != std::string::npos);
  CHECK(to_llama_cpp(parse_cache_spec("q8_0:residual=32")).text.empty());
  CHECK(to_llama_cpp(parse_cache_spec("k=q8_0/v=hqq")).text.empty());
  for (const std::string_view text : {"-ctk f16 -ctv f16", "-ctk bf16 -ctv f32", "-ctk q8_0 -ctv q5_1", "-ctk f16 -ctv iq4_nl"}) {
    CHECK(to_llama_cpp(parse_any_spec(text).spec).text == text);
  }
  CHECK(to_llama_cpp(parse_cache_spec("full")).note == "with a model in float16");
}
