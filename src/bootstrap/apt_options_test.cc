#include "bootstrap/apt_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgstrata::bootstrap {
namespace {

using testing::ElementsAre;
using testing::Pair;

// The form is that of `apt-config dump` (apt-config(8)).
constexpr std::string_view kDump =
    "APT \"\";\n"
    "Acquire \"\";\n"
    "Acquire::http \"\";\n"
    "Acquire::http::Proxy \"http://proxy.example.org:3142/\";\n"
    "Acquire::http::Proxy::direct.example.org \"DIRECT\";\n"
    "Acquire::HTTPS::proxy \"DIRECT\";\n"
    "Acquire::Check-Valid-Until \"false\";\n"
    "Acquire::Languages:: \"none\";\n"
    "Acquire::http::User-Agent \"x\";\n"
    "Acquire::Retries \"\";\n";

TEST(AptOptions, KeepsWhatSaysHowToReachAMirror) {
  EXPECT_THAT(
      parse_apt_config(kDump),
      ElementsAre(Pair("Acquire::http::Proxy", "http://proxy.example.org:3142/"),
                  Pair("Acquire::http::Proxy::direct.example.org", "DIRECT"),
                  Pair("Acquire::HTTPS::proxy", "DIRECT"), Pair("Acquire::Check-Valid-Until", "false")));
}

TEST(AptOptions, NamesTheProxies) {
  const AptProxy proxy = apt_proxy(parse_apt_config(kDump));
  EXPECT_EQ(proxy.http, "http://proxy.example.org:3142/");
  EXPECT_EQ(proxy.https, "");
  EXPECT_EQ(apt_proxy({}).http, "");
}

TEST(AptOptions, WritesAnAptConf) {
  EXPECT_EQ(apt_conf({{"Acquire::Retries", "3"}, {"Acquire::http::Proxy", "http://p.example.org"}}),
            "Acquire::Retries \"3\";\nAcquire::http::Proxy \"http://p.example.org\";\n");
  EXPECT_EQ(apt_conf({}), "");
}

}  // namespace
}  // namespace pgstrata::bootstrap
