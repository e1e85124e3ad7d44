#include "remote/source.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "core/clean_path.h"

namespace pgstrata::remote {
namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_'; }

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

/// "https" of "https://…"; nothing if there is no scheme.
std::optional<std::string> scheme_of(std::string_view text) {
  const std::size_t end = text.find("://");
  if (end == std::string_view::npos || end == 0) return std::nullopt;
  const std::string_view scheme = text.substr(0, end);
  const auto alphanumeric = [](unsigned char c) { return std::isalnum(c) != 0; };
  if (!std::all_of(scheme.begin(), scheme.end(), alphanumeric)) return std::nullopt;
  return lower(scheme);
}

/// user@host:path, which ssh and git know without a scheme.
bool is_scp_style(std::string_view text) {
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos || at == 0) return false;
  const std::size_t colon = text.find(':', at);
  if (colon == std::string_view::npos || colon == at + 1) return false;
  const std::string_view user = text.substr(0, at);
  const std::string_view host = text.substr(at + 1, colon - at - 1);
  return std::all_of(user.begin(), user.end(), is_word) &&
         std::all_of(host.begin(), host.end(), [](char c) { return is_word(c) || c == '.'; });
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char small = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

std::string percent_decoded(std::string_view text, bool plus_is_space) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low >= 0) {
      result += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      result += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return result;
}

/// A URL's parts before '?', between it and '#', and after that.
struct UrlParts {
  std::string_view address;
  std::string_view query;
  std::string_view fragment;
};

UrlParts split_url(std::string_view text) {
  UrlParts parts;
  const std::size_t hash = std::min(text.find('#'), text.size());
  if (hash < text.size()) parts.fragment = text.substr(hash + 1);
  const std::string_view front = text.substr(0, hash);
  const std::size_t question = std::min(front.find('?'), front.size());
  if (question < front.size()) parts.query = front.substr(question + 1);
  parts.address = front.substr(0, question);
  return parts;
}

/// The path of "scheme://host/path".
std::string_view url_path(std::string_view address) {
  const std::size_t host = address.find("://");
  const std::size_t slash = address.find('/', host == std::string_view::npos ? 0 : host + 3);
  return slash == std::string_view::npos ? std::string_view() : address.substr(slash);
}

std::string clean_subdir(std::string_view text) { return clean_path("/" + std::string(text)).substr(1); }

tl::unexpected<Error> bad_git_url(std::string_view text, std::string what, std::string next) {
  return fail({.kind = ErrorKind::kUsage,
               .what = fmt::format("{}: {}", without_credentials(text), what),
               .next = std::move(next)});
}

Result<bool> parse_flag(std::string_view url, const std::string& name,
                        const std::optional<std::string>& value) {
  if (!value || value->empty()) return true;
  for (const char* yes : {"1", "t", "T", "true", "TRUE", "True"})
    if (*value == yes) return true;
  for (const char* no : {"0", "f", "F", "false", "FALSE", "False"})
    if (*value == no) return false;
  return bad_git_url(url, fmt::format("invalid {} value \"{}\"", name, *value), "use true or false");
}

using Query = std::map<std::string, std::optional<std::string>>;

/// The names and values of "ref=v1&subdir=x"; kUsage for what no Git URL can have.
Result<Query> parse_query(std::string_view url, std::string_view text) {
  constexpr std::array kFlags = {"submodules", "keep-git-dir", "fetch-by-commit"};
  constexpr std::array kValues = {"ref", "tag", "branch", "subdir", "checksum", "commit", "mtime"};
  Query query;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('&'), text.size());
    const std::string_view item = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (item.empty()) continue;
    const std::size_t equals = item.find('=');
    const std::string name = percent_decoded(item.substr(0, equals), true);
    std::optional<std::string> value;
    if (equals != std::string_view::npos) value = percent_decoded(item.substr(equals + 1), true);
    const bool is_flag = std::find(kFlags.begin(), kFlags.end(), name) != kFlags.end();
    if (!is_flag && std::find(kValues.begin(), kValues.end(), name) == kValues.end())
      return bad_git_url(url, fmt::format("unexpected query \"{}\"", name),
                         "a Git URL takes ref, tag, branch, subdir, checksum, commit, keep-git-dir, "
                         "submodules, mtime and fetch-by-commit");
    if (!is_flag && (!value || value->empty()))
      return bad_git_url(url, fmt::format("query \"{}\" has no value", name), "");
    if (!query.emplace(name, value).second)
      return bad_git_url(url, fmt::format("query \"{}\" has multiple values", name), "");
  }
  return query;
}

Result<void> set_once(std::string_view url, const char* what, std::string& field,
                      const std::string& value) {
  if (!field.empty() && field != value)
    return bad_git_url(url, fmt::format("{} conflicts: \"{}\" and \"{}\"", what, field, value),
                       "say it once");
  field = value;
  return {};
}

std::string with_prefix(const std::string& prefix, const std::string& name) {
  return name.starts_with(prefix) ? name : prefix + name;
}

Result<void> apply_query(std::string_view url, const Query& query, GitSource& git) {
  for (const auto& [name, value] : query) {
    if (name == "ref") TRY_VOID(set_once(url, "ref", git.ref, *value));
    if (name == "subdir") TRY_VOID(set_once(url, "subdir", git.subdir, clean_subdir(*value)));
    if (name == "checksum" || name == "commit") TRY_VOID(set_once(url, "checksum", git.checksum, *value));
    if (name == "keep-git-dir") git.keep_git_dir = TRY(parse_flag(url, name, value));
    if (name == "submodules") git.submodules = TRY(parse_flag(url, name, value));
    if (name == "fetch-by-commit") git.fetch_by_commit = TRY(parse_flag(url, name, value));
    if (name != "mtime") continue;
    if (*value != "commit" && *value != "checkout")
      return bad_git_url(url, fmt::format("invalid mtime value \"{}\"", *value), "use commit or checkout");
    git.commit_times = *value == "commit";
  }
  if (const auto tag = query.find("tag"); tag != query.end())
    TRY_VOID(set_once(url, "ref", git.ref, with_prefix("refs/tags/", *tag->second)));
  if (const auto branch = query.find("branch"); branch != query.end())
    TRY_VOID(set_once(url, "ref", git.ref, with_prefix("refs/heads/", *branch->second)));
  return {};
}

Result<GitSource> parse_git(std::string_view text) {
  const UrlParts parts = split_url(text);
  GitSource git{.remote = std::string(parts.address)};
  const std::string fragment = percent_decoded(parts.fragment, false);
  const std::size_t colon = std::min(fragment.find(':'), fragment.size());
  git.ref = fragment.substr(0, colon);
  if (colon < fragment.size()) git.subdir = clean_subdir(fragment.substr(colon + 1));
  const Query query = TRY(parse_query(text, parts.query));
  TRY_VOID(apply_query(text, query, git));
  if (git.ref.starts_with('-'))
    return bad_git_url(text, fmt::format("invalid git ref \"{}\"", git.ref),
                       "name a branch, tag or commit");
  if (git.fetch_by_commit && !is_commit(git.ref) && !is_commit(git.checksum))
    return bad_git_url(text, "fetch-by-commit requires a whole commit hash", "add commit=HASH");
  return git;
}

}  // namespace

Result<std::optional<Source>> parse_source(std::string_view text) {
  const auto scheme = scheme_of(text);
  if (!scheme && !is_scp_style(text)) return std::nullopt;
  const bool is_web = scheme == "http" || scheme == "https";
  if (is_web && !url_path(split_url(text).address).ends_with(".git"))
    return Source(HttpSource{.url = std::string(text), .filename = url_filename(text), .checksum = {}});
  if (scheme && !is_web && *scheme != "git" && *scheme != "ssh") return std::nullopt;
  return Source(TRY(parse_git(text)));
}

std::string url_filename(std::string_view url) {
  const std::string path = clean_path(percent_decoded(url_path(split_url(url).address), false));
  const std::string name = path.substr(path.rfind('/') + 1);
  return name.empty() || name == "." ? "__unnamed__" : name;
}

std::string url_host(std::string_view url) {
  const std::size_t scheme = url.find("://");
  std::string_view rest = url.substr(scheme == std::string_view::npos ? 0 : scheme + 3);
  rest = rest.substr(0, rest.find_first_of("/?#"));
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) rest.remove_prefix(at + 1);
  if (rest.starts_with('[')) return lower(rest.substr(1, rest.find(']') - 1));
  return lower(rest.substr(0, rest.find(':')));
}

std::string without_credentials(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::string(url);
  const std::size_t start = scheme + 3;
  const std::string_view authority = url.substr(start, url.find_first_of("/?#", start) - start);
  const std::size_t at = authority.rfind('@');
  const std::size_t colon = authority.substr(0, std::min(at, authority.size())).find(':');
  if (at == std::string_view::npos || colon == std::string_view::npos) return std::string(url);
  return std::string(url.substr(0, start + colon)) + ":xxxxx" + std::string(url.substr(start + at));
}

std::string uri(const Source& source) {
  const auto* git = std::get_if<GitSource>(&source);
  std::string text = git != nullptr ? git->remote : std::get<HttpSource>(source).url;
  // Of web addresses nobody needs the user to find the same: it may be a token.
  if (text.starts_with("http")) {
    const std::size_t start = std::min(text.find("://"), text.size() - 3) + 3;
    const std::size_t end = std::min(text.find_first_of("/?#", start), text.size());
    const std::size_t at = text.substr(0, end).rfind('@');
    if (at != std::string::npos && at >= start) text.erase(start, at + 1 - start);
  } else {
    text = without_credentials(text);
  }
  if (git == nullptr || (git->ref.empty() && git->subdir.empty())) return text;
  text += "#" + git->ref;
  return git->subdir.empty() ? text : text + ":" + git->subdir;
}

bool is_commit(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace pgstrata::remote
