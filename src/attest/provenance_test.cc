// Against BuildKit's slsa-definitions.md ("SLSA v0.2") and its Go types
// (solver/llbsolver/provenance/types/types.go): which fields there are, where, and in which mode.
#include "attest/provenance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace pgstrata::attest {
namespace {

using Json = nlohmann::json;

constexpr const char* kExtension = "https://mobyproject.org/buildkit@v1#metadata";
constexpr const char* kHermetic = "https://mobyproject.org/buildkit@v1#hermetic";

Provenance example() {
  Provenance provenance{.builder_id = "https://ci.example/1",
                        .entry_point = "Dockerfile",
                        .args = {{"build-arg:A", "1"}, {"label:B", "2"}, {"target", "t"}},
                        .secrets = {{.id = "pw", .optional = true}},
                        .ssh = {{.id = "default"}},
                        .locals = {"context", "dockerfile"},
                        .builder_platform = "linux/amd64",
                        .materials = {{.uri = "pkg:docker/debian@12", .digest = {{"sha256", "ab"}}}},
                        .invocation_id = "1234",
                        .started = "2026-01-01T00:00:00Z",
                        .finished = "2026-01-01T00:00:01Z",
                        .dockerfile = "FROM debian\n"};
  provenance.steps = {
      {.op = R"({"source":{"identifier":"docker-image://debian"}})", .platform = "linux/amd64"},
      {.op = R"({"exec":{}})", .inputs = {0}, .first_line = 2, .last_line = 3}};
  provenance.steps[1].layers = {{.media_type = "application/vnd.oci.image.layer.v1.tar",
                                 .digest = oci::sha256("layer"),
                                 .size = 5,
                                 .annotations = {},
                                 .platform = {}}};
  provenance.result = 1;
  return provenance;
}

TEST(Provenance, MinHasNoArgumentsSecretsAndSteps) {
  Provenance provenance = example();
  provenance.mode = ProvenanceMode::kMin;
  const Json json = Json::parse(predicate_json(provenance));
  EXPECT_EQ(json.at("invocation").at("parameters"),
            Json::parse(R"({"frontend": "dockerfile.v0", "args": {"target": "t"},
                            "locals": [{"name": "context"}, {"name": "dockerfile"}]})"));
  EXPECT_EQ(json.at("metadata").at("completeness"),
            Json::parse(R"({"parameters": false, "environment": true, "materials": false})"));
  EXPECT_FALSE(json.contains("buildConfig"));
  EXPECT_EQ(json.at("metadata").at(kExtension), Json::object());
  EXPECT_EQ(json.at("materials"),
            Json::parse(R"([{"uri": "pkg:docker/debian@12", "digest": {"sha256": "ab"}}])"));
  EXPECT_EQ(json.at("buildType"), "https://mobyproject.org/buildkit@v1");
}

TEST(Provenance, MinWithoutArgumentsIsComplete) {
  Provenance provenance = example();
  provenance.mode = ProvenanceMode::kMin;
  provenance.args = {{"target", "t"}};
  const Json json = Json::parse(predicate_json(provenance));
  EXPECT_EQ(json.at("metadata").at("completeness").at("parameters"), true);
}

TEST(Provenance, MaxHasThemAndTheSteps) {
  const Json json = Json::parse(predicate_json(example()));
  const Json& parameters = json.at("invocation").at("parameters");
  EXPECT_EQ(parameters.at("args"), Json::parse(R"({"build-arg:A": "1", "label:B": "2", "target": "t"})"));
  EXPECT_EQ(parameters.at("secrets"), Json::parse(R"([{"id": "pw", "optional": true}])"));
  EXPECT_EQ(parameters.at("ssh"), Json::parse(R"([{"id": "default"}])"));
  // As a published attestation of BuildKit 0.20 has it: the last step names the result.
  EXPECT_EQ(json.at("buildConfig").at("llbDefinition"), Json::parse(R"([
      {"id": "step0", "op": {"Op": {"source": {"identifier": "docker-image://debian"}},
                             "platform": {"Architecture": "amd64", "OS": "linux"}, "constraints": {}}},
      {"id": "step1", "op": {"Op": {"exec": {}}, "constraints": {}}, "inputs": ["step0:0"]},
      {"id": "step2", "op": {"Op": {}}, "inputs": ["step1:0"]}])"));
  const Json& extension = json.at("metadata").at(kExtension);
  EXPECT_EQ(extension.at("source"), Json::parse(R"({
      "infos": [{"filename": "Dockerfile", "language": "Dockerfile", "data": "RlJPTSBkZWJpYW4K"}],
      "locations": {"step1": {"locations": [{"ranges": [{"start": {"line": 2}, "end": {"line": 3}}]}]}}})"));
  EXPECT_EQ(extension.at("layers").at("step1:0").at(0).at(0).at("digest"), oci::sha256("layer").str());
  EXPECT_FALSE(extension.at("layers").contains("step0:0"));
}

TEST(Provenance, HermeticIsSaidOnlyIfItIsSo) {
  Provenance provenance = example();
  EXPECT_FALSE(Json::parse(predicate_json(provenance)).at("metadata").contains(kHermetic));
  provenance.materials_complete = true;
  EXPECT_EQ(Json::parse(predicate_json(provenance)).at("metadata").at(kHermetic), true);
  provenance.network = true;
  EXPECT_FALSE(Json::parse(predicate_json(provenance)).at("metadata").contains(kHermetic));
}

TEST(Provenance, AContextFromElsewhereIsTheConfigSource) {
  Provenance provenance = example();
  provenance.context = Material{.uri = "https://x/y.git#main", .digest = {{"sha1", "cd"}}};
  provenance.invocation_id.clear();
  const Json json = Json::parse(predicate_json(provenance));
  EXPECT_EQ(
      json.at("invocation").at("configSource"),
      Json::parse(
          R"({"uri": "https://x/y.git#main", "digest": {"sha1": "cd"}, "entryPoint": "Dockerfile"})"));
  EXPECT_FALSE(json.at("metadata").contains("buildInvocationID"));
}

}  // namespace
}  // namespace pgstrata::attest
