#include "registration.h"

#include <gtest/gtest.h>

namespace pg_entrypoint {
namespace {

using std::chrono::seconds;

Options worker_options() {
  Options options;
  options.user = "postgres";
  options.database = "tenants";
  options.pgconfig = "/config";
  options.citus = CitusOptions{true, true, "w1", 5432, "coordinator", 5433};
  return options;
}

TEST(Registration, AWorkerAsksTheCoordinatorAndACoordinatorItself) {
  Options options = worker_options();
  const std::string of_worker = registration_sql(*options.citus);
  EXPECT_NE(of_worker.find("citus_add_node(:'node_host', :node_port)"), std::string::npos);
  EXPECT_LT(of_worker.find("pg_dist_local_group"), of_worker.find("\\connect"));
  EXPECT_LT(of_worker.find("\\connect"), of_worker.find("citus_add_node"));
  options.citus->worker = false;
  const std::string of_coordinator = registration_sql(*options.citus);
  EXPECT_NE(of_coordinator.find("citus_set_coordinator_host(:'node_host', :node_port)"), std::string::npos);
  EXPECT_EQ(of_coordinator.find("\\connect"), std::string::npos);
}

TEST(Registration, NamesAreQuotedForConninfoAndTheArgumentsHaveNoPassword) {
  Options options = worker_options();
  options.user = R"(o'b\r)";
  options.password = "s3cret";
  EXPECT_EQ(coordinator_conninfo(options),
            R"(host='coordinator' port=5433 user='o\'b\\r' dbname='tenants' connect_timeout=10)");
  const PreparedCommand prepared = registration_command(options);
  for (const std::string& argument : prepared.command.argv)
    EXPECT_EQ(argument.find("s3cret"), std::string::npos);
  EXPECT_EQ(prepared.command.environment.get("PGPASSFILE"), "/config/citus.pgpass");
}

struct FakeChildren {
  pid_t next = 100;
  int started = 0;
  Registration::StartChild starter() {
    return [this](const Command&, const std::string&) {
      ++started;
      return next;
    };
  }
};

TEST(Registration, PausesGrowToHalfAMinuteAndItNeverGivesUp) {
  const Options options = worker_options();
  FakeChildren children;
  Registration registration(options, children.starter());
  Clock::time_point now = Clock::now();
  for (const int pause : {1, 2, 4, 8, 16, 30, 30}) {
    registration.advance(now);
    ASSERT_EQ(registration.pid(), 100);
    EXPECT_FALSE(registration.deadline()) << "a child runs";
    EXPECT_FALSE(registration.ended(99, 0, now));
    EXPECT_TRUE(registration.ended(100, 2, now));
    EXPECT_EQ(registration.deadline(), now + seconds(pause));
    registration.advance(now + seconds(pause) - std::chrono::milliseconds(1));
    EXPECT_EQ(registration.pid(), 0);
    now += seconds(pause);
  }
  EXPECT_FALSE(registration.health().registered);
  registration.advance(now);
  registration.ended(100, 0, now);
  EXPECT_TRUE(registration.health().registered);
  EXPECT_FALSE(registration.deadline());
  const int before = children.started;
  registration.advance(now + seconds(3600));
  EXPECT_EQ(children.started, before) << "once is enough";
}

TEST(Registration, AProgramThatIsMissingIsTriedAgainAsWell) {
  const Options options = worker_options();
  FakeChildren children;
  children.next = 0;
  Registration registration(options, children.starter());
  const Clock::time_point now = Clock::now();
  registration.advance(now);
  EXPECT_EQ(registration.deadline(), now + seconds(1));
}

}  // namespace
}  // namespace pg_entrypoint
