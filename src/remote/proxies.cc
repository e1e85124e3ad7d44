#include "remote/proxies.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "remote/source.h"

namespace pgstrata::remote {
namespace {

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string value_of(const std::map<std::string, std::string>& arguments, const std::string& name) {
  for (const std::string& spelling : {name, lower(name)})
    if (const auto found = arguments.find(spelling); found != arguments.end()) return found->second;
  for (const std::string& spelling : {name, lower(name)})
    if (const char* value = std::getenv(spelling.c_str()); value != nullptr && *value != '\0') return value;
  return "";
}

}  // namespace

Proxies Proxies::from(const std::map<std::string, std::string>& arguments) {
  return {.http = value_of(arguments, "HTTP_PROXY"),
          .https = value_of(arguments, "HTTPS_PROXY"),
          .none = value_of(arguments, "NO_PROXY"),
          .all = value_of(arguments, "ALL_PROXY")};
}

std::string Proxies::for_url(std::string_view url) const {
  const std::string host = url_host(url);
  if (host == "localhost" || host.starts_with("127.") || host == "::1") return "";
  const std::string& own = url.starts_with("https:") ? https : http;
  return own.empty() ? all : own;
}

std::vector<std::pair<std::string, std::string>> Proxies::environment() const {
  std::vector<std::pair<std::string, std::string>> variables;
  const std::pair<const char*, const std::string&> all_of_them[] = {
      {"HTTP_PROXY", http}, {"HTTPS_PROXY", https}, {"NO_PROXY", none}, {"ALL_PROXY", all}};
  for (const auto& [name, value] : all_of_them) {
    if (value.empty()) continue;
    variables.emplace_back(name, value);
    variables.emplace_back(lower(name), value);
  }
  return variables;
}

}  // namespace pgstrata::remote
