#include "exporter/csv.h"

namespace pgstrata::exporter {
namespace {

tl::unexpected<Error> bad(std::string_view line, std::string why) {
  return fail({.kind = ErrorKind::kUsage,
               .what = "not a list of comma-separated fields: " + std::string(line),
               .why = std::move(why),
               .next = "put a field that has a comma or a quote in it in double quotes, and double its "
                       "quotes: \"dest=a,b.tar\""});
}

}  // namespace

Result<std::vector<std::string>> csv_fields(std::string_view line) {
  std::vector<std::string> fields;
  std::size_t at = 0;
  for (;;) {
    std::string field;
    if (at < line.size() && line[at] == '"') {
      for (++at;; ++at) {
        if (at == line.size()) return bad(line, "a quote isn't closed");
        if (line[at] != '"') {
          field += line[at];
          continue;
        }
        ++at;
        if (at == line.size() || line[at] != '"') break;
        field += '"';
      }
      if (at < line.size() && line[at] != ',') return bad(line, "text follows a closing quote");
    } else {
      const std::size_t end = std::min(line.find(',', at), line.size());
      field = line.substr(at, end - at);
      if (field.find('"') != std::string::npos) return bad(line, "a quote in a field without quotes");
      at = end;
    }
    fields.push_back(std::move(field));
    if (at == line.size()) return fields;
    ++at;
  }
}

}  // namespace pgstrata::exporter
