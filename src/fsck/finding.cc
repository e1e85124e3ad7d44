#include "fsck/finding.h"

namespace pgstrata::fsck {
namespace {

struct Text {
  std::string operator()(const Remove&) const { return "removed: what needs it makes it again"; }
  std::string operator()(const ForgetLayer&) const { return "the layer is dropped: its step runs again"; }
  std::string operator()(const RestoreTar& restore) const {
    return std::holds_alternative<FromUnpacked>(restore.source) ? "written again from the unpacked layer"
                                                                : "written again from its compressed form";
  }
  std::string operator()(const RestoreChanges&) const { return "written again from the layer's tar"; }
  std::string operator()(const RestoreRow&) const { return "entered again from the layer's files"; }
  std::string operator()(const ForgetRun&) const { return "dropped: the step runs again on other layers"; }
  std::string operator()(const BeginIndexAnew&) const {
    return "put aside as index.db.damaged and begun anew: steps run again, images stay";
  }
  std::string operator()(const RestoreList&) const {
    return "the list that was last synced takes its place";
  }
  std::string operator()(const ByHand& by_hand) const { return by_hand.next; }
};

}  // namespace

std::string remedy_text(const Remedy& remedy) { return std::visit(Text{}, remedy); }

}  // namespace pgstrata::fsck
