// Checked access to the fields of a JSON object; only included by .cc files.
#pragma once

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "oci/digest.h"

namespace pgstrata::oci {

using Json = nlohmann::json;

inline Error bad_json(std::string_view document, std::string why) {
  return {
      .kind = ErrorKind::kCorrupt, .what = fmt::format("not a valid {}", document), .why = std::move(why)};
}

/// Parses an object, at most 64 levels deep (the parser recurses through its own stack, values don't).
inline Result<Json> parse_object(std::string_view document, std::string_view text) {
  int deepest = 0;
  const auto watch = [&](int depth, Json::parse_event_t, Json&) {
    deepest = std::max(deepest, depth);
    return depth <= 64;
  };
  Json json = Json::parse(text, watch, /*allow_exceptions=*/false);
  if (deepest > 64) return fail(bad_json(document, "nested more than 64 levels deep"));
  if (json.is_discarded()) return fail(bad_json(document, "it isn't JSON"));
  if (!json.is_object()) return fail(bad_json(document, "it isn't a JSON object"));
  return json;
}

/// Reads optional fields of one object and remembers the first that has the wrong type. A missing
/// or null field leaves the target as it is.
class Fields {
 public:
  Fields(std::string_view document, const Json& object) : document_(document), object_(object) {
    if (!object.is_object()) complain("an object was expected");
  }

  Fields& text(const char* name, std::string& to) {
    if (const Json* value = find(name, Json::value_t::string)) to = value->get_ref<const std::string&>();
    return *this;
  }
  Fields& number(const char* name, std::int64_t& to) {
    const Json* value = find(name);
    if (value == nullptr) return *this;
    if (!value->is_number_integer()) return complain(fmt::format("{} isn't an integer", name));
    to = value->get<std::int64_t>();
    return *this;
  }
  Fields& flag(const char* name, bool& to) {
    if (const Json* value = find(name, Json::value_t::boolean)) to = value->get<bool>();
    return *this;
  }
  Fields& texts(const char* name, std::vector<std::string>& to) {
    const Json* value = find(name, Json::value_t::array);
    if (value == nullptr) return *this;
    to.clear();
    for (const Json& item : *value) {
      if (!item.is_string()) return complain(fmt::format("{} holds something that isn't a string", name));
      to.push_back(item.get_ref<const std::string&>());
    }
    return *this;
  }
  Fields& digest(const char* name, Digest& to) {
    std::string written;
    text(name, written);
    if (written.empty()) return *this;
    auto parsed = Digest::parse(written);
    if (!parsed) return complain(fmt::format("{}: {}", name, parsed.error().message()));
    to = *parsed;
    return *this;
  }
  /// The field as an object or array, or nullptr.
  const Json* find(const char* name, Json::value_t type) {
    const Json* value = find(name);
    if (value == nullptr || value->type() == type) return value;
    complain(fmt::format("{} has the wrong type ({})", name, value->type_name()));
    return nullptr;
  }
  Fields& complain(std::string why) {
    if (why_.empty()) why_ = std::move(why);
    return *this;
  }

  [[nodiscard]] Result<void> done() const {
    if (!why_.empty()) return fail(bad_json(document_, why_));
    return {};
  }

 private:
  const Json* find(const char* name) {
    if (!object_.is_object()) return nullptr;
    const auto found = object_.find(name);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }

  std::string_view document_;
  const Json& object_;
  std::string why_;
};

}  // namespace pgstrata::oci
