// The search together with the proof, over fake builds: no disk, no process.
#include "advise/search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "advise/fake_project.h"

namespace pgstrata::advise {
namespace {

using filetree::kAskedAbsent;
using filetree::kAskedContent;
using filetree::kAskedKind;
using filetree::kAskedListing;
using filetree::kAskedRead;
using snapshot::testing::directory_entry;
using snapshot::testing::file_entry;
using snapshot::testing::typed_entry;
using ::testing::HasSubstr;

constexpr filetree::Questions kFile = kAskedKind | kAskedContent | kAskedRead;
constexpr filetree::Questions kNames = kAskedKind | kAskedListing | kAskedRead;

/// Entries for what a RUN leaves, with the parents that it had.
filetree::ChangeSet writes(const std::vector<filetree::Entry>& files) {
  filetree::ChangeSet changes;
  std::set<std::string> parents = {""};
  for (const filetree::Entry& file : files) {
    changes.push_back(file);
    for (std::string_view above = filetree::parent_path(file.path); !above.empty();
         above = filetree::parent_path(above))
      parents.emplace(above);
  }
  for (const std::string& parent : parents) {
    changes.push_back(directory_entry(parent));
    changes.back().implied = true;
  }
  return changes;
}

/// The context of an image with setup scripts and entrypoint scripts; the latter are edited daily.
class Search : public ::testing::Test {
 protected:
  Search() {
    project.context.file("entrypoint.sh", "run", 0755);
    project.context.directory("setup");
    project.context.file("setup/one.sh", "install one");
    project.context.file("setup/two.sh", "install two");
    project.context.file("setup.sh", "source setup/*", 0755);
    project.edits = {{.paths = {"entrypoint.sh"}, .rate = 7}, {.paths = {"setup/two.sh"}, .rate = 0.5}};
  }
  FakeProject project;
};

FakeRun reads(filetree::Observations asked, std::vector<filetree::Entry> files) {
  return {.asked = std::move(asked), .writes = writes(files)};
}

TEST_F(Search, ACopyOfWhichNothingWasReadGoesBelowTheRun) {
  project.runs["RUN install"] = reads({{"etc", kNames}}, {file_entry("etc/done", "1")});
  EXPECT_EQ(project.propose("FROM base\nCOPY . /opt/app\nRUN install\nUSER app\n"),
            "FROM base\nRUN install\nCOPY . /opt/app\nUSER app\n");
  EXPECT_DOUBLE_EQ(project.proposal.before, 7.5 * 10.1);
  EXPECT_DOUBLE_EQ(project.proposal.after, 7.5 * 0.1);
}

TEST_F(Search, WhatWasReadIsCopiedFirst) {
  project.runs["RUN /opt/app/setup.sh"] =
      reads({{"etc", kAskedKind},
             {"etc/done", kAskedAbsent},
             {"opt/app", kAskedKind | kAskedListing},  // a stat, not its names
             {"opt/app/setup", kNames},
             {"opt/app/setup.sh", kFile},
             {"opt/app/setup/one.sh", kFile},
             {"opt/app/setup/two.sh", kFile}},
            {file_entry("etc/done", "1"), file_entry("opt/app/left", "by setup")});
  EXPECT_EQ(project.propose("FROM base\n\n# everything\nCOPY . /opt/app\nRUN /opt/app/setup.sh\n\nCMD x\n"),
            "FROM base\n\nCOPY setup.sh /opt/app/\nCOPY setup/ /opt/app/setup/\nRUN /opt/app/setup.sh\n"
            "# everything\nCOPY . /opt/app\n\nCMD x\n");
}

TEST_F(Search, EachRunGetsItsOwnPart) {
  project.edits.push_back({.paths = {"setup/one.sh"}, .rate = 0.1});
  project.runs["RUN one"] = reads({{"opt/app/setup/one.sh", kFile}}, {file_entry("etc/one", "1")});
  project.runs["RUN two"] = reads({{"opt/app/setup/two.sh", kFile}}, {file_entry("etc/two", "1")});
  EXPECT_EQ(
      project.propose("FROM base\nCOPY . /opt/app\nRUN one\nRUN two\n"),
      "FROM base\nCOPY setup/one.sh /opt/app/setup/\nRUN one\nCOPY setup/two.sh /opt/app/setup/\nRUN two\n"
      "COPY . /opt/app\n");
}

TEST_F(Search, PartsThatAreEditedAsSeldomComeTogether) {
  project.edits = {{.paths = {"entrypoint.sh"}, .rate = 7}};
  project.runs["RUN one"] = reads({{"opt/app/setup/one.sh", kFile}}, {});
  project.runs["RUN two"] = reads({{"opt/app/setup/two.sh", kFile}}, {});
  EXPECT_EQ(project.propose("FROM base\nCOPY . /opt/app\nRUN one\nRUN two\n"),
            "FROM base\nCOPY setup/ /opt/app/setup/\nRUN one\nRUN two\nCOPY . /opt/app\n");
}

TEST_F(Search, AListingKeepsEveryNameBeforeTheRun) {
  project.runs["RUN ls /opt/app"] = reads({{"opt/app", kNames}}, {file_entry("etc/done", "1")});
  const std::string text = "FROM base\nCOPY . /opt/app\nRUN ls /opt/app\n";
  EXPECT_EQ(project.propose(text), text);
  EXPECT_THAT(project.refusal(text, {0, 2, 1}), HasSubstr("/opt/app, which it looked up, is gone"));
}

TEST_F(Search, AFileThatWasLookedForInVainMayNotComeEarlier) {
  project.runs["RUN first"] = reads({{"etc/two", kAskedAbsent}}, {file_entry("etc/one", "1")});
  project.runs["RUN second"] = reads({}, {file_entry("etc/two", "1")});
  EXPECT_THAT(project.refusal("FROM base\nRUN first\nRUN second\n", {0, 2, 1}),
              HasSubstr("/etc/two, which it looked for in vain, is there now"));
  project.runs["RUN first"].asked = {{"etc/three", kAskedAbsent}};
  EXPECT_EQ(project.refusal("FROM base\nRUN first\nRUN second\n", {0, 2, 1}), "");
}

TEST_F(Search, WhatARunReadOfAnotherKeepsTheirOrder) {
  project.runs["RUN first"] = reads({}, {file_entry("etc/one", "1")});
  project.runs["RUN second"] = reads({{"etc/one", kFile}}, {file_entry("etc/two", "1")});
  EXPECT_THAT(project.refusal("FROM base\nRUN first\nRUN second\n", {0, 2, 1}), HasSubstr("/etc/one"));
  project.runs["RUN second"].asked = {{"etc", kNames}};
  EXPECT_THAT(project.refusal("FROM base\nRUN first\nRUN second\n", {0, 2, 1}),
              HasSubstr("/etc, which it listed, holds other files"));
  // Both write one file: the last one stands.
  project.runs["RUN second"] = reads({}, {file_entry("etc/one", "2")});
  EXPECT_THAT(project.refusal("FROM base\nRUN first\nRUN second\n", {0, 2, 1}),
              HasSubstr("/etc/one of the image would be another one"));
}

TEST_F(Search, ARunThatNeedsNothingOfTheCopyComesAboveOneThatDoes) {
  project.edits = {{.paths = {"setup.sh"}, .rate = 1}};
  project.runs["RUN build"] = reads({{"opt/app/setup.sh", kFile}}, {file_entry("opt/built", "1")});
  project.runs["RUN install"] = reads({{"etc", kNames}}, {file_entry("etc/done", "1")});
  project.runs["RUN install"].seconds = 100;
  EXPECT_EQ(project.propose("FROM base\nCOPY . /opt/app\nRUN build\nRUN install\n"),
            "FROM base\nRUN install\nCOPY . /opt/app\nRUN build\n");
  // It reads what was built.
  project.runs["RUN install"].asked = {{"etc", kNames}, {"opt/built", kFile}};
  const std::string text = "FROM base\nCOPY . /opt/app\nRUN build\nRUN install\n";
  EXPECT_EQ(project.propose(text), text);
}

TEST_F(Search, AFileThatARunChangedIsntCopiedAgain) {
  project.runs["RUN sed"] =
      reads({{"opt/app/setup.sh", kFile}}, {file_entry("opt/app/setup.sh", "changed", 0755)});
  EXPECT_EQ(project.propose("FROM base\n# all\nCOPY . /opt/app\nRUN sed\n"),
            "FROM base\nCOPY setup.sh /opt/app/\nRUN sed\n# all\nCOPY entrypoint.sh /opt/app/\n"
            "COPY setup/ /opt/app/setup/\n");
  // Nor is one that it removed.
  project.runs["RUN sed"] = reads({{"opt/app/setup.sh", kFile}},
                                  {typed_entry("opt/app/setup.sh", filetree::EntryType::kWhiteout)});
  EXPECT_THAT(project.propose("FROM base\nCOPY . /opt/app\nRUN sed\n"),
              HasSubstr("RUN sed\nCOPY entrypoint.sh"));
}

TEST_F(Search, ADirectoryThatAPartWouldMakeOtherwiseStaysWhole) {
  project.context.directory("setup", 0700);
  project.runs["RUN one"] =
      reads({{"opt/app/setup", kAskedKind}, {"opt/app/setup/one.sh", kFile}}, {file_entry("etc/one", "1")});
  // COPY setup/one.sh would make /opt/app/setup with mode 0755, and so would COPY setup/.
  const std::string text = "FROM base\nCOPY . /opt/app\nRUN one\n";
  EXPECT_EQ(project.propose(text), text);
  ASSERT_FALSE(project.proposal.stuck.empty());
  EXPECT_THAT(project.proposal.stuck[0].obstacle.reason, HasSubstr("/opt/app/setup"));
}

TEST_F(Search, AnEnvironmentIsABarrierForWhatItChanges) {
  project.runs["RUN install"] = reads({{"etc", kNames}}, {file_entry("etc/done", "1")});
  const std::string text = "FROM base\nENV DIR=/opt/app\nCOPY . $DIR\nENV DIR=/opt/other\nRUN install\n";
  EXPECT_EQ(project.propose(text), text);
  EXPECT_EQ(project.propose("FROM base\nENV DIR=/opt/app\nCOPY . $DIR\nENV OTHER=x\nRUN install\n"),
            "FROM base\nENV DIR=/opt/app\nENV OTHER=x\nRUN install\nCOPY . $DIR\n");
  project.runs["RUN other"] = reads({}, {});
  project.runs["RUN other"].seconds = 50;
  EXPECT_THAT(project.refusal("FROM base\nRUN install\nENV A=b\nRUN other\n", {0, 3, 1, 2}),
              HasSubstr("another environment"));
}

TEST_F(Search, WhatWasntRecordedStaysBelowAllThatItHad) {
  project.runs["RUN install"] = {.writes = writes({file_entry("etc/done", "1")}), .recorded = false};
  const std::string text = "FROM base\nCOPY . /opt/app\nRUN install\n";
  EXPECT_EQ(project.propose(text), text);
  EXPECT_THAT(project.refusal(text, {0, 2, 1}), HasSubstr("wasn't recorded"));
}

TEST_F(Search, NothingChangesWhereNothingIsGained) {
  project.runs["RUN install"] = reads({{"etc", kNames}}, {file_entry("etc/done", "1")});
  const std::string good = "FROM base\nRUN install\nCOPY . /opt/app\n";
  EXPECT_EQ(project.propose(good), good);
  project.edits = {{.paths = {"elsewhere"}, .rate = 5}};
  const std::string unedited = "FROM base\nCOPY setup.sh /opt/app/\nRUN install\n";
  EXPECT_EQ(project.propose(unedited), unedited);
}

TEST_F(Search, StagesAreImprovedEachForItself) {
  project.runs["RUN one"] = reads({{"opt/app/setup/one.sh", kFile}}, {file_entry("opt/built", "1")});
  project.runs["RUN two"] = reads({{"etc", kNames}}, {file_entry("etc/two", "1")});
  EXPECT_EQ(
      project.propose(
          "FROM base AS one\nCOPY . /opt/app\nRUN one\n\nFROM base\nCOPY --from=one /opt/built /opt/\n"
          "COPY entrypoint.sh /\nRUN two\n"),
      "FROM base AS one\nCOPY setup/one.sh /opt/app/setup/\nRUN one\nCOPY . /opt/app\n\n"
      "FROM base\nRUN two\nCOPY --from=one /opt/built /opt/\nCOPY entrypoint.sh /\n");
}

TEST(Disturbing, AStatOfADirectoryIsNoListing) {
  const filetree::Observations names_differ = {{"opt/app", kAskedListing}};
  const auto asked = [](filetree::Questions questions) {
    return *cache::ReadSet::decode(cache::encode_read_set({{"opt/app", questions}}));
  };
  EXPECT_EQ(disturbing(asked(kAskedKind | kAskedListing), names_differ), nullptr);
  EXPECT_NE(disturbing(asked(kAskedKind | kAskedListing | kAskedRead), names_differ), nullptr);
  EXPECT_NE(disturbing(asked(kAskedKind), {{"opt/app", kAskedKind}}), nullptr);
  EXPECT_EQ(disturbing(asked(kAskedKind), {{"opt/app", kAskedContent}}), nullptr);
}

}  // namespace
}  // namespace pgstrata::advise
