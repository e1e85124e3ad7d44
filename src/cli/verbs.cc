#include "cli/advise.h"
#include "cli/bootstrap.h"
#include "cli/build.h"
#include "cli/command.h"
#include "cli/container_verbs.h"
#include "cli/explain.h"
#include "cli/image_verbs.h"

namespace pgstrata::cli {

const std::vector<Verb>& verbs() {
  static const std::vector<Verb> table = {
      {"build", "build an image from a Dockerfile", add_build},
      {"explain", "show what became of each step of a build, and why", add_explain},
      {"advise", "propose an order of a Dockerfile that rebuilds less", add_advise},
      {"run", "run a container of an image", add_run},
      {"ps", "list containers", add_ps},
      {"logs", "show what a container wrote", add_logs},
      {"exec", "run a program in a running container", add_exec},
      {"stop", "stop containers, politely at first", add_stop},
      {"kill", "send a signal to containers", add_kill},
      {"rm", "remove containers", add_rm},
      {"images", "list the images of the store", add_images},
      {"inspect", "show an image's configuration and layers", add_inspect},
      {"tag", "give an image another name", add_tag},
      {"rmi", "remove an image's name", add_rmi},
      {"pull", "get an image from its registry", add_pull},
      {"push", "send an image to its registry", add_push},
      {"save", "write images to an archive", add_save},
      {"du", "show what takes how much of the disk", add_du},
      {"prune", "remove what isn't needed, or wasn't used for long", add_prune},
      {"check-store", "look for damage in the store, and mend it", add_check_store},
      {"bootstrap", "make a Debian base image without a registry", add_bootstrap},
  };
  return table;
}

}  // namespace pgstrata::cli
