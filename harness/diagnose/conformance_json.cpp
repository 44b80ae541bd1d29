#include "harness/diagnose/diagnosis_json.h"

namespace kvdiff {
namespace {

Json json_of(const AuditedPart& part) {
  Json object = {{"layer", part.layer}, {"side", name_of(part.side)}, {"heads", part.heads}, {"first_update", part.first_update},
                 {"last_update", part.last_update}, {"first_token", part.first_token}, {"elements", part.elements}};
  number(object, "relative", part.relative);
  return object;
}

Json json_of(const ConformanceEffect& effect) {
  Json object = {{"first", effect.first}, {"steps", effect.steps}};
  number(object, "largest", effect.largest);
  number(object, "floor", effect.floor, "not measured");
  number(object, "kld", effect.kld);
  number(object, "sound_kld", effect.sound_kld);
  object["below"] = effect.below();
  return object;
}

}  // namespace

Json json_of(const ConformanceFinding& found) {
  const Audit& audit = found.audit;
  Json object = {{"asked", found.asked}, {"reason", found.reason}, {"conforms", audit.conforms}, {"accused", found.accused()},
                 {"operation", audit.operation}, {"cause", audit.cause}, {"evidence", audit.evidence}};
  number(object, "explained", audit.explained);
  object["parts"] = Json::array();
  for (const AuditedPart& part : audit.parts) object["parts"].push_back(json_of(part));
  object["effect"] = found.effect ? json_of(*found.effect) : Json(nullptr);
  return object;
}

}  // namespace kvdiff
