#include "tenon/passes/memory/peak.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tenon/ir/op.h"

namespace tenon::memory {

std::string BytesText(int64_t bytes) {
  if (bytes < 10 << 10) return absl::StrCat(bytes, " bytes");
  const double kib = static_cast<double>(bytes) / 1024;
  if (kib < 1024) return absl::StrFormat("%.1f KiB", kib);
  if (kib < 1024 * 1024) return absl::StrFormat("%.1f MiB", kib / 1024);
  return absl::StrFormat("%.1f GiB", kib / 1024 / 1024);
}

std::string TensorsAtPeak(const ir::Graph& graph, const Timeline& timeline, int most) {
  const std::vector<int64_t> live = timeline.LiveBytes();
  if (live.empty()) return "";
  const int peak = static_cast<int>(std::max_element(live.begin(), live.end()) - live.begin());
  const std::vector<Life> lives = timeline.Lives();
  std::vector<int> alive;
  for (int i = 0; i < static_cast<int>(lives.size()); ++i) {
    const bool meets = lives[i].first >= 0 && lives[i].first <= peak && lives[i].last >= peak;
    if (meets && timeline.instances[i].bytes > 0) alive.push_back(i);
  }
  std::stable_sort(alive.begin(), alive.end(), [&](int a, int b) {
    return timeline.instances[a].bytes > timeline.instances[b].bytes;
  });
  std::string text;
  int64_t rest = 0;
  for (size_t k = 0; k < alive.size(); ++k) {
    const Instance& instance = timeline.instances[alive[k]];
    if (static_cast<int>(k) >= most) {
      rest += instance.bytes;
      continue;
    }
    const ir::Node& node = graph.node(graph.producer(instance.value));
    absl::StrAppend(&text, "  ", BytesText(instance.bytes), ": ", ir::OpName(node.op), " ",
                    graph.type(instance.value).ToString(), " at ", node.location.ToString(), "\n");
  }
  if (rest > 0) {
    absl::StrAppend(&text, "  ", BytesText(rest), ": ", static_cast<int>(alive.size()) - most,
                    " more\n");
  }
  return text;
}

}  // namespace tenon::memory
