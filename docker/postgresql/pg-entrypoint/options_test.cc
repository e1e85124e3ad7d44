#include "options.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "backup_server.h"
#include "template.h"

namespace pg_entrypoint {
namespace {

Environment with(std::initializer_list<std::pair<const char*, const char*>> variables) {
  Environment environment;
  environment.set("SECRETS_DIR", "/nonexistent");
  for (const auto& [name, value] : variables) environment.set(name, value);
  return environment;
}

bool complains_of(const LoadedOptions& loaded, const std::string& text) {
  for (const std::string& error : loaded.complaints.errors) {
    if (error.find(text) != std::string::npos) return true;
  }
  return false;
}

TEST(Options, DefaultsAreComplete) {
  const LoadedOptions loaded = load_options(with({}));
  EXPECT_TRUE(loaded.complaints.errors.empty());
  const Options& options = loaded.options;
  EXPECT_EQ(options.pgdata, "/usr/local/pgsql/data");
  EXPECT_EQ(options.auth_method, "scram-sha-256");
  EXPECT_EQ(options.log_format, LogFormat::kJson);
  EXPECT_EQ(options.health_address, "0.0.0.0");
  EXPECT_FALSE(options.patroni);
  EXPECT_FALSE(options.backup);
}

TEST(Options, EverythingWrongIsSaidAtOnce) {
  const LoadedOptions loaded = load_options(with({{"TIMEOUT", "soon"},
                                                  {"PGPORT", "0"},
                                                  {"LOG_FORMAT", "xml"},
                                                  {"HEALTH_PORT", "x"},
                                                  {"INIT_ON_FAILURE", "hope"},
                                                  {"BACKUP_ENABLED", "perhaps"},
                                                  {"TIMEOUT_CHANGE_PASSWORD", "-1"},
                                                  {"CHANGE_PASSWORD", "yes"}}));
  for (const char* name : {"TIMEOUT=", "PGPORT", "LOG_FORMAT", "HEALTH_PORT", "INIT_ON_FAILURE",
                           "BACKUP_ENABLED", "TIMEOUT_CHANGE_PASSWORD", "CHANGE_PASSWORD=true"}) {
    EXPECT_TRUE(complains_of(loaded, name)) << name;
  }
}

TEST(Options, HealthListensWherePostgreSQLDoes) {
  EXPECT_EQ(load_options(with({{"POSTGRESQL_LISTEN_ADDRESSES", "127.0.0.1"}})).options.health_address,
            "127.0.0.1");
  EXPECT_EQ(load_options(with({{"EXTERNAL_ACCESS_ENABLE", "false"}})).options.health_address, "127.0.0.1");
}

Environment with_backups_of_a_standby() {
  return with({{"BACKUP_ENABLED", "true"},
               {"BACKUP_FROM", "standby"},
               {"BACKUP_MEMBERS", "n1, n2,n3"},
               {"BACKUP_TLS_CERT_FILE", "/c"},
               {"BACKUP_TLS_KEY_FILE", "/k"},
               {"BACKUP_TLS_CA_FILE", "/a"},
               {"PATRONI_ENABLE", "true"},
               {"PATRONI_NAME", "n2"},
               {"PATRONI_ETCD3_HOSTS", "etcd:2379"},
               {"PATRONI_SUPERUSER_PASSWORD", "x"},
               {"PATRONI_REPLICATION_PASSWORD", "x"}});
}

TEST(Options, ANodeIsNotItsOwnStandby) {
  const LoadedOptions loaded = load_options(with_backups_of_a_standby());
  EXPECT_TRUE(loaded.complaints.errors.empty());
  EXPECT_EQ(loaded.options.backup->standby->hosts, (std::vector<std::string>{"n1", "n3"}));
  const std::vector<std::string> arguments = standby_arguments(loaded.options);
  const auto has = [&arguments](const char* argument) {
    return std::count(arguments.begin(), arguments.end(), argument) == 1;
  };
  EXPECT_TRUE(has("--backup-standby"));
  EXPECT_TRUE(has("--pg2-host=n1"));
  EXPECT_TRUE(has("--pg3-host=n3"));
  EXPECT_TRUE(has("--pg3-host-config=/usr/local/pgsql/config/pgbackrest.conf"));
  EXPECT_TRUE(has("--pg3-path=/usr/local/pgsql/data"));
}

TEST(Options, BackupsOfAStandbyNeedAClusterItsNodesAndTls) {
  Environment environment = with_backups_of_a_standby();
  environment.set("BACKUP_MEMBERS", "n2");
  environment.erase("BACKUP_TLS_KEY_FILE");
  EXPECT_TRUE(complains_of(load_options(environment), "set BACKUP_MEMBERS=HOST,HOST"));
  EXPECT_TRUE(complains_of(load_options(environment), "BACKUP_TLS_KEY_FILE"));
  environment.set("PATRONI_ENABLE", "false");
  EXPECT_TRUE(complains_of(load_options(environment), "PATRONI_ENABLE=true"));
}

TEST(Options, NoSecretReachesChildren) {
  Environment environment = with({});
  for (const std::string& name : secret_names()) environment.set(name, "s3cret");
  environment.set("POSTGRES_USER_FILE", "/nowhere");
  for (const std::string& variable : load_options(environment).options.scripts.strings()) {
    EXPECT_EQ(variable.find("s3cret"), std::string::npos) << variable;
    EXPECT_FALSE(variable.starts_with("POSTGRES_USER_FILE")) << variable;
  }
}

TEST(Options, PatroniNeedsEtcdAndPasswordsAndSaysSoAtOnce) {
  const LoadedOptions loaded = load_options(with({{"PATRONI_ENABLE", "true"}}));
  EXPECT_TRUE(complains_of(loaded, "PATRONI_ETCD3_HOSTS"));
  EXPECT_TRUE(complains_of(loaded, "PATRONI_SUPERUSER_PASSWORD"));
  EXPECT_TRUE(complains_of(loaded, "PATRONI_REPLICATION_PASSWORD"));
}

TEST(Options, PatroniTakesTheSuperuserOfPOSTGRES) {
  const LoadedOptions loaded = load_options(with({{"PATRONI_ENABLE", "true"},
                                                  {"PATRONI_ETCD3_HOSTS", "'a:2379', 'b:2379'"},
                                                  {"POSTGRES_PASSWORD", "one"},
                                                  {"PATRONI_REPLICATION_PASSWORD", "two"},
                                                  {"PATRONI_NAME", "n1"}}));
  ASSERT_TRUE(loaded.complaints.errors.empty()) << loaded.complaints.errors[0];
  EXPECT_EQ(loaded.options.patroni->superuser.password, "one");
  EXPECT_EQ(loaded.options.patroni->etcd_hosts, "a:2379,b:2379");
  EXPECT_EQ(loaded.options.patroni->server_connect, "n1:5432");
}

TEST(Options, TtlHasToOutlastTheLoop) {
  const LoadedOptions loaded = load_options(with({{"PATRONI_ENABLE", "true"},
                                                  {"PATRONI_ETCD3_HOSTS", "a:1"},
                                                  {"POSTGRES_PASSWORD", "one"},
                                                  {"PATRONI_REPLICATION_PASSWORD", "two"},
                                                  {"PATRONI_TTL", "20"}}));
  EXPECT_TRUE(complains_of(loaded, "PATRONI_TTL=20"));
}

TEST(Options, ARestoreNeedsARepositoryAndATargetThatFitsItsType) {
  EXPECT_TRUE(complains_of(load_options(with({{"BACKUP_RESTORE", "true"}})), "BACKUP_ENABLED"));
  EXPECT_TRUE(
      complains_of(load_options(with({{"BACKUP_ENABLED", "true"}, {"BACKUP_RESTORE_TYPE", "time"}})),
                   "BACKUP_RESTORE_TARGET"));
  EXPECT_TRUE(complains_of(load_options(with({{"BACKUP_ENABLED", "true"}, {"BACKUP_RESTORE_TARGET", "x"}})),
                           "BACKUP_RESTORE_TARGET"));
  EXPECT_TRUE(
      complains_of(load_options(with({{"BACKUP_ENABLED", "true"}, {"BACKUP_REPOSITORY_TYPE", "s3"}})),
                   "BACKUP_S3_BUCKET"));
}

TEST(Words, QuotesAndBackslashes) {
  const auto words = split_words(R"(--a='x y' "b\"c" d\ e  '' $(touch /x))");
  ASSERT_TRUE(words);
  EXPECT_EQ(*words, (std::vector<std::string>{"--a=x y", "b\"c", "d e", "", "$(touch", "/x)"}));
  EXPECT_FALSE(split_words("--a='x"));
  EXPECT_TRUE(split_words("")->empty());
}

TEST(Template, ValuesAreTakenAsTheyAreAndNotLookedAtAgain) {
  EXPECT_EQ(
      fill_template("a @ONE@, @TWO@\nmail@example.org @lower@\n", {{"ONE", "@TWO@ & \\1"}, {"TWO", "2"}}),
      "a @TWO@ & \\1, 2\nmail@example.org @lower@\n");
}

TEST(Template, AnOptionalLineGoesWithItsValue) {
  EXPECT_EQ(fill_template("?x=@A@\n?y=@B@\nz=@A@\n", {{"A", ""}, {"B", "b"}}), "y=b\nz=\n");
}

TEST(Template, AHoleIsAnError) { EXPECT_THROW(fill_template("@NO_SUCH@", {}), std::runtime_error); }

TEST(Template, QuotesOfEachKindOfFile) {
  EXPECT_EQ(conf_quote("o'neil"), "o''neil");
  EXPECT_EQ(hba_quote("a\"b"), "a\"\"b");
  EXPECT_EQ(yaml_quote("a\"b: c\\"), "\"a\\\"b: c\\\\\"");
}

}  // namespace
}  // namespace pg_entrypoint
