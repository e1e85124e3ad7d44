#include "commands.h"

#include <gtest/gtest.h>

namespace pg_entrypoint {
namespace {

Command patroni_with(std::initializer_list<std::pair<const char*, const char*>> variables) {
  Options options;
  options.pgconfig = "/config";
  options.home = "/home";
  options.patroni.emplace();
  for (const auto& [name, value] : variables) options.scripts.set(name, value);
  return server_command(options, {});
}

TEST(Commands, PatroniIsGivenItsFileAndNotASecondTimeWhatIsInIt) {
  const Command command = patroni_with({{"PATRONI_SCOPE", "a"}, {"PATRONI_TAGS", "b"}});
  EXPECT_EQ(command.argv,
            (std::vector<std::string>{"python3", "/home/entrypoint.d/scripts/utils/start_patroni.py",
                                      "/config/patroni.yml"}));
  EXPECT_FALSE(command.environment.get("PATRONI_SCOPE"));
  EXPECT_TRUE(command.environment.get("PATRONI_TAGS"));
}

TEST(Commands, TheScriptsOfABootstrapLearnOfCitusThoughPatroniHidesItsVariables) {
  const Command command =
      patroni_with({{"PATRONI_CITUS_GROUP", "1"}, {"PATRONI_CITUS_DATABASE", "tenants"}});
  EXPECT_EQ(command.environment.get("CITUS_BOOTSTRAP_DATABASE"), "tenants");
  EXPECT_EQ(command.environment.get("PATRONI_CITUS_GROUP"), "1");
  EXPECT_FALSE(
      patroni_with({{"PATRONI_CITUS_DATABASE", "tenants"}}).environment.get("CITUS_BOOTSTRAP_DATABASE"));
}

}  // namespace
}  // namespace pg_entrypoint
