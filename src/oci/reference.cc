#include "oci/reference.h"

#include <algorithm>

namespace pgstrata::oci {
namespace {

bool is_lower_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_word(char c) { return is_lower_alnum(c) || (c >= 'A' && c <= 'Z') || c == '_'; }

/// path-component := alpha-numeric, separated by ".", "_", "__" or dashes.
bool valid_component(std::string_view text) {
  if (text.empty() || !is_lower_alnum(text.front()) || !is_lower_alnum(text.back())) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_lower_alnum(c) || c == '-') continue;
    if (c == '.' && text[i + 1] != '.' && text[i + 1] != '_') continue;
    if (c == '_' && text[i + 1] != '.' && !(text[i + 1] == '_' && text[i + 2] == '_')) continue;
    return false;
  }
  return true;
}

bool valid_path(std::string_view text) {
  for (;;) {
    const size_t slash = text.find('/');
    if (!valid_component(text.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    text.remove_prefix(slash + 1);
  }
}

bool valid_host(std::string_view text) {
  if (text.starts_with('[')) return text.find_first_not_of("[]:.0123456789abcdefABCDEF") == text.npos;
  for (;;) {
    const size_t dot = text.find('.');
    const std::string_view label = text.substr(0, dot);
    const auto fits = [](char c) { return (is_word(c) && c != '_') || c == '-'; };
    if (label.empty() || label.front() == '-' || label.back() == '-') return false;
    if (!std::all_of(label.begin(), label.end(), fits)) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

/// host[:port]
bool valid_domain(std::string_view text) {
  const size_t colon = text.find(':', text.starts_with('[') ? std::min(text.find(']'), text.size()) : 0);
  if (colon == std::string_view::npos) return valid_host(text);
  const std::string_view port = text.substr(colon + 1);
  return valid_host(text.substr(0, colon)) && !port.empty() &&
         port.find_first_not_of("0123456789") == std::string_view::npos;
}

bool valid_tag(std::string_view text) {
  return !text.empty() && text.size() <= 128 && is_word(text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_word(c) || c == '.' || c == '-'; });
}

/// The first component is a registry if it can't be a path component of docker.io.
bool is_domain(std::string_view first) {
  return first == "localhost" || first.find_first_of(".:") != std::string_view::npos ||
         std::any_of(first.begin(), first.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

tl::unexpected<Error> bad(std::string_view text, std::string why) {
  return fail({.kind = ErrorKind::kUsage,
               .what = "not an image reference: \"" + std::string(text) + "\"",
               .why = std::move(why),
               .next = "write NAME[:TAG][@sha256:DIGEST], the name in lower case"});
}

}  // namespace

Result<Reference> Reference::parse(std::string_view text) {
  Reference reference;
  std::string_view rest = text;
  if (const size_t at = rest.find('@'); at != std::string_view::npos) {
    auto digest = Digest::parse(rest.substr(at + 1));
    if (!digest) return bad(text, digest.error().message());
    reference.digest = *digest;
    rest = rest.substr(0, at);
  }
  const size_t colon = rest.rfind(':');
  if (colon != std::string_view::npos && rest.find('/', colon) == std::string_view::npos) {
    reference.tag = rest.substr(colon + 1);
    if (!valid_tag(reference.tag)) return bad(text, "the tag \"" + reference.tag + "\" is not valid");
    rest = rest.substr(0, colon);
  }
  const size_t slash = rest.find('/');
  if (slash != std::string_view::npos && is_domain(rest.substr(0, slash))) {
    reference.domain = rest.substr(0, slash);
    if (!valid_domain(reference.domain)) return bad(text, "the registry's name is not valid");
    reference.path = rest.substr(slash + 1);
  } else {
    reference.domain = "docker.io";
    reference.path = rest;
  }
  if (reference.domain == "index.docker.io") reference.domain = "docker.io";
  if (reference.domain == "docker.io" && reference.path.find('/') == std::string::npos)
    reference.path.insert(0, "library/");
  if (!valid_path(reference.path)) return bad(text, "the name has characters that a name can't have");
  if (reference.tag.empty() && !reference.digest) reference.tag = "latest";
  return reference;
}

std::string Reference::str() const {
  std::string text = domain + "/" + path;
  if (!tag.empty()) text += ":" + tag;
  if (digest) text += "@" + digest->str();
  return text;
}

std::string Reference::familiar() const {
  std::string text = str();
  for (const std::string_view prefix : {"docker.io/", "library/"}) {
    if (prefix == "library/" && domain != "docker.io") break;
    if (text.starts_with(prefix)) text.erase(0, prefix.size());
  }
  return text;
}

}  // namespace pgstrata::oci
