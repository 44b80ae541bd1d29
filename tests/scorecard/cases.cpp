#include "tests/scorecard/cases.h"

#include <cmath>

#include "cache_backends/error.h"
#include "tests/support/random.h"

namespace kvdiff::scorecard {
namespace {

constexpr int64_t latest_update = 16;
const char* const prompts[] = {"Explain how a refrigerator works.", "Name three rivers and say where they flow.",
                               "Write a short story about a lighthouse keeper and a storm."};
const char* const tiny_prompts[] = {"The quick brown fox jumps over the lazy dog", "One two three four five six seven eight nine ten eleven",
                                    "a b c d e f g h i j k l m n o p q r s t u v w x y z"};

class Drawer {
 public:
  explicit Drawer(uint64_t seed) : random_(seed) {}

  void planted(const std::string& model, int count, std::vector<Planted>& cases) {
    for (int i = 0; i < count; ++i) {
      const PlantedFault& fault = planted_faults()[static_cast<size_t>(next_fault_++) % planted_faults().size()];
      Planted one = ground(model, static_cast<int>(cases.size()));
      one.fault = &fault;
      do {
        one.spec = healthy_specs()[below(healthy_specs().size())];
        one.place = place(fault, shape_of(one));
      } while (!fits(one));
      cases.push_back(one);
    }
  }

  void clean(const std::string& model, int count, std::vector<Planted>& cases) {
    for (int i = 0; i < count; ++i) {
      Planted one = ground(model, static_cast<int>(cases.size()));
      one.spec = healthy_specs()[static_cast<size_t>(i) % healthy_specs().size()];
      one.wrapping = static_cast<int>(below(3));
      cases.push_back(one);
    }
  }

  // Not a fault of the cache: its format cannot hold the model's own keys.
  void outliers(int count, std::vector<Planted>& cases) {
    for (int i = 0; i < count; ++i) {
      Planted one = ground("tiny", static_cast<int>(cases.size()));
      one.outlier_cause = i % 2 ? "outlier channels" : "precision";
      one.spec = i % 2 ? "k=hqq:bits=4,group=16,axis=1,residual=0/v=full" : "k=hqq:bits=2,group=16,axis=1,residual=0/v=full";
      cases.push_back(one);
    }
  }

 private:
  size_t below(size_t count) { return static_cast<size_t>(random_.below(static_cast<int64_t>(count))); }
  double share() { return static_cast<double>(random_.bits() >> 11) * 0x1p-53; }

  Planted ground(const std::string& model, int number) {
    Planted one;
    one.number = number;
    one.model = model;
    one.model_seed = 1 + below(6);
    one.prompt = model == "tiny" ? tiny_prompts[below(3)] : prompts[below(3)];
    return one;
  }

  FaultPlace place(const PlantedFault& fault, const CacheShape& shape) {
    FaultPlace place;
    place.layer = static_cast<int>(below(static_cast<size_t>(shape.layers)));
    place.side = below(2) ? Side::value : Side::key;
    place.head = fault.one_head && below(2) ? static_cast<int64_t>(below(static_cast<size_t>(shape.heads))) : -1;
    place.update = fault.operation == PlantedFault::Operation::none ? 1 + static_cast<int64_t>(below(latest_update)) : 0;
    place.strength = fault.weakest * std::pow(fault.strongest / fault.weakest, share());
    return place;
  }

  static bool fits(const Planted& one) {
    try {
      return applies(*one.fault, one.place, {parse_cache_spec(one.spec), {}}, shape_of(one));
    } catch (const UserError&) {
      return false;
    }
  }

  test::Random random_;
  int next_fault_ = 0;
};

}  // namespace

CacheShape shape_of(const Planted& one) {
  if (one.model == "tiny") return {.layers = 3, .batch = 1, .heads = 2, .head_size = 64, .dtype = Dtype::float32};
  return {.layers = 30, .batch = 1, .heads = 3, .head_size = 64, .dtype = Dtype::float16};
}

const std::vector<std::string>& healthy_specs() {
  static const std::vector<std::string> specs = {
      "hqq:bits=4,group=64,residual=8", "hqq:bits=8,group=64,residual=8", "hqq:bits=2,group=64,residual=16", "hqq:bits=3,group=32,residual=8",
      "hqq:bits=1,group=64,residual=8", "hqq:bits=4,group=64,axis=1,residual=8", "hqq:bits=2,group=16,axis=1,residual=0",
      "hqq:bits=4,group=32,residual=4,solver=off", "hqq:bits=8,group=64,axis=1,residual=16", "k=hqq:bits=8,group=64,residual=8/v=hqq:bits=4,group=64,residual=8",
      "hqq:bits=4,group=64,residual=8,schedule=hf-5.15", "hqq:bits=4,group=64,residual=8,schedule=streaming",
      "hqq:bits=4,group=64,residual=8,rotate=hadamard", "hqq:bits=4,group=64,residual=8,prefill=quantized",
      "hqq:bits=4,group=64,residual=8+0@hqq:bits=8,group=64", "quanto:bits=4,residual=8", "quanto:bits=2,residual=8", "quanto:bits=4,axis=-1,residual=8",
      "kivi:bits=4,group=16,residual=16", "kivi:bits=2,group=16,residual=16", "int8", "int8:scheme=zero", "int8:per=token", "int8:round=away",
      "int8:schedule=streaming,residual=8", "int8:per=channel,schedule=hf,residual=8", "int8:per=tensor,schedule=streaming,residual=8",
      "int8:rotate=hadamard", "int4", "int4:scheme=zero", "int4:per=token", "fp8", "fp8:format=e5m2", "hf-fp8",
      "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl", "k=q8_0/v=q4_0", "k=int8/v=hqq:bits=4,group=64,residual=8"};
  return specs;
}

std::vector<Planted> draw_cases(const Draw& draw) {
  Drawer drawer(draw.seed);
  std::vector<Planted> cases;
  const int outliers = draw.planted_tiny / 10;
  drawer.planted("tiny", draw.planted_tiny - outliers, cases);
  drawer.outliers(outliers, cases);
  drawer.planted("smollm2", draw.planted_smollm2, cases);
  drawer.clean("tiny", draw.clean_tiny, cases);
  drawer.clean("smollm2", draw.clean_smollm2, cases);
  return cases;
}

}  // namespace kvdiff::scorecard
