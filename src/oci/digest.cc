#include "oci/digest.h"

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

namespace pgstrata::oci {
namespace {

constexpr std::string_view kPrefix = "sha256:";
constexpr char kHex[] = "0123456789abcdef";

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

Result<Digest> Digest::parse(std::string_view text) {
  const auto bad = [&] {
    return fail({.kind = ErrorKind::kCorrupt,
                 .what = "not a digest of the form sha256:<64 lower-case hex digits>",
                 .where = std::string(text.substr(0, 100))});
  };
  if (!text.starts_with(kPrefix)) return bad();
  text.remove_prefix(kPrefix.size());
  Digest digest;
  if (text.size() != 2 * digest.bytes.size()) return bad();
  for (size_t i = 0; i < digest.bytes.size(); ++i) {
    const int high = hex_value(text[2 * i]);
    const int low = hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return bad();
    digest.bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return digest;
}

std::string Digest::hex() const {
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::uint8_t byte : bytes) {
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  return text;
}

std::string Digest::str() const { return std::string(kPrefix) + hex(); }

// The low-level interface on purpose: EVP's first use builds its provider tables, which takes longer
// than everything else a no-op build does.
struct Sha256::State {
  SHA256_CTX context;
};

Sha256::Sha256() : state_(std::make_unique<State>()) { SHA256_Init(&state_->context); }
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

Sha256& Sha256::update(std::span<const std::byte> bytes) {
  SHA256_Update(&state_->context, bytes.data(), bytes.size());
  return *this;
}

Sha256& Sha256::update(std::string_view text) {
  return update(std::as_bytes(std::span(text.data(), text.size())));
}

Digest Sha256::finish() {
  Digest digest;
  SHA256_Final(digest.bytes.data(), &state_->context);
  SHA256_Init(&state_->context);
  return digest;
}

Digest sha256(std::string_view text) { return Sha256().update(text).finish(); }

KeyHasher::KeyHasher(std::string_view domain) { add("domain", domain); }

KeyHasher& KeyHasher::add(std::string_view label, std::string_view value) {
  const std::array<std::uint64_t, 2> sizes{label.size(), value.size()};
  hash_.update(std::as_bytes(std::span(sizes))).update(label).update(value);
  return *this;
}

KeyHasher& KeyHasher::add(std::string_view label, const Digest& value) {
  return add(label,
             std::string_view(reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size()));
}

KeyHasher& KeyHasher::add(std::string_view label, std::uint64_t value) {
  return add(label, std::string_view(std::to_string(value)));
}

Digest KeyHasher::finish() { return hash_.finish(); }

}  // namespace pgstrata::oci
