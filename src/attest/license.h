// Licences as package databases write them, against SPDX licence expressions (SPDX 2.3, annex D).
#pragma once

#include <string_view>

namespace pgstrata::attest {

/// True for an expression of identifiers that are known here to be on the SPDX licence list, with AND, OR,
/// WITH and parentheses: one that may stand in licenseDeclared.
[[nodiscard]] bool is_spdx_expression(std::string_view text);

}  // namespace pgstrata::attest
