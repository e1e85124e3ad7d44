#include "passwd.h"

#include <fstream>
#include <sstream>

namespace pg_entrypoint {

std::string user_name_of(uid_t uid) {
  std::ifstream file("/etc/passwd");
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);  // NAME:PASSWORD:UID:…
    std::string name;
    std::string password;
    std::string id;
    std::getline(fields, name, ':');
    std::getline(fields, password, ':');
    std::getline(fields, id, ':');
    if (id == std::to_string(uid)) return name;
  }
  return "";
}

}  // namespace pg_entrypoint
