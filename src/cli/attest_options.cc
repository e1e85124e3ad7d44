#include "cli/attest_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/suggestion.h"
#include "exporter/csv.h"

namespace pgstrata::cli {
namespace {

tl::unexpected<Error> bad(const std::string& option, std::string why, std::string next = "") {
  return fail(
      {.kind = ErrorKind::kUsage, .what = fmt::format("{}: {}", option, why), .next = std::move(next)});
}

/// The words of Go's strconv.ParseBool.
std::optional<bool> truth(std::string_view text) {
  for (const char* yes : {"1", "t", "T", "true", "TRUE", "True"})
    if (text == yes) return true;
  for (const char* no : {"0", "f", "F", "false", "FALSE", "False"})
    if (text == no) return false;
  return std::nullopt;
}

using Fields = std::map<std::string, std::string>;

Result<Fields> fields_of(const std::string& option, const std::string& text) {
  Fields fields;
  for (const std::string& field : TRY(exporter::csv_fields(text))) {
    const std::size_t equals = field.find('=');
    if (equals == std::string::npos)
      return bad(option, fmt::format("\"{}\" is not of the form KEY=VALUE", field));
    fields[field.substr(0, equals)] = field.substr(equals + 1);
  }
  return fields;
}

Result<bool> flag(const std::string& option, const Fields& fields, const std::string& key) {
  const auto found = fields.find(key);
  if (found == fields.end()) return false;
  if (const auto value = truth(found->second)) return *value;
  return bad(option, fmt::format("{}={} is neither true nor false", key, found->second));
}

Result<void> check_keys(const std::string& option, const Fields& fields,
                        const std::vector<std::string>& known) {
  for (const auto& [key, value] : fields)
    if (std::find(known.begin(), known.end(), key) == known.end())
      return bad(option, fmt::format("there is no key \"{}\"", key),
                 did_you_mean(key, known, fmt::format("known are {}", fmt::join(known, ", "))));
  return {};
}

Result<ProvenanceRequest> parse_provenance(const std::string& option, const Fields& fields) {
  TRY_VOID(
      check_keys(option, fields,
                 {"type", "disabled", "mode", "builder-id", "reproducible", "inline-only", "version"}));
  ProvenanceRequest request;
  if (const auto mode = fields.find("mode"); mode != fields.end()) {
    if (mode->second != "min" && mode->second != "max" && mode->second != "full")
      return bad(option, fmt::format("mode={}: there is no such mode", mode->second), "use min or max");
    if (mode->second == "min") request.mode = attest::ProvenanceMode::kMin;
  }
  if (const auto id = fields.find("builder-id"); id != fields.end()) request.builder_id = id->second;
  if (const auto version = fields.find("version"); version != fields.end() && version->second != "v0.2")
    return bad(option, fmt::format("version={}: only v0.2 is made", version->second), "leave it out");
  request.reproducible = TRY(flag(option, fields, "reproducible"));
  // Nothing but images gets it in any case.
  static_cast<void>(TRY(flag(option, fields, "inline-only")));
  return request;
}

Result<void> check_sbom(const std::string& option, const Fields& fields) {
  if (fields.contains("generator"))
    return bad(option, "no other generator is run: pgstrata makes the SBOM itself",
               "leave generator=… out; docs/attestations.md says what is in it");
  return check_keys(option, fields, {"type", "disabled"});
}

Result<void> add(AttestRequest& request, std::map<std::string, bool>& disabled, const std::string& option,
                 const std::string& text) {
  const Fields fields = TRY(fields_of(option, text));
  const auto type = fields.find("type");
  if (type == fields.end()) return bad(option, "it has no type", "write type=provenance or type=sbom");
  if (type->second != "provenance" && type->second != "sbom")
    return bad(option, fmt::format("there is no attestation of type {}", type->second),
               "use provenance or sbom");
  const bool is_off = TRY(flag(option, fields, "disabled"));
  // As buildx; only that there shall be none may be said twice.
  const auto [before, is_new] = disabled.try_emplace(type->second, is_off);
  if (!is_new && !(before->second && is_off))
    return bad(option, fmt::format("the attestation {} is asked for twice", type->second));
  if (type->second == "sbom") {
    TRY_VOID(check_sbom(option, fields));
    request.sbom = !is_off;
    return {};
  }
  const ProvenanceRequest provenance = TRY(parse_provenance(option, fields));
  if (!is_off) request.provenance = provenance;
  return {};
}

/// "true" and "mode=min" as the fields of --attest.
std::string long_form(const char* type, const std::string& value) {
  if (const auto on = truth(value)) return fmt::format("type={},disabled={}", type, !*on);
  return fmt::format("type={},{}", type, value);
}

}  // namespace

Result<AttestRequest> parse_attestations(const std::vector<std::string>& attest, const std::string& sbom,
                                         const std::string& provenance) {
  AttestRequest request;
  std::map<std::string, bool> disabled;  // of the types that were named
  for (const std::string& word : attest) TRY_VOID(add(request, disabled, "--attest " + word, word));
  if (!provenance.empty())
    TRY_VOID(add(request, disabled, "--provenance " + provenance, long_form("provenance", provenance)));
  if (!sbom.empty()) TRY_VOID(add(request, disabled, "--sbom " + sbom, long_form("sbom", sbom)));
  return request;
}

}  // namespace pgstrata::cli
