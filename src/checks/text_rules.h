// The rules that need no more than the text: of single instructions, of the stages' names, of FROM.
#pragma once

#include "checks/findings.h"
#include "dockerfile/parser.h"
#include "graph/from_dockerfile.h"

namespace pgstrata::checks {

/// What stands before the first error is checked alone; names, cases and FROM only if there is none.
void check_text(const dockerfile::Parsed& parsed, const graph::BuildRequest& request, Findings& findings);

}  // namespace pgstrata::checks
