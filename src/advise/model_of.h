// From a build and its record to the model that is searched.
#pragma once

#include "advise/planned.h"
#include "advise/proof.h"
#include "advise/search.h"

namespace pgstrata::advise {

/// kCorrupt if a layer can't be read.
Result<Model> model_of(const dockerfile::Dockerfile& dockerfile, const Planned& built, const Proof& proof,
                       const RecordedSteps& recorded);

}  // namespace pgstrata::advise
