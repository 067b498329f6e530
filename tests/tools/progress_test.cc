// When progress shows itself, and what it writes: by a clock and a terminal of the test's own.
#include "tools/progress.h"

#include <gtest/gtest.h>

#include <chrono>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "tenon/ir/kernel/kernel.h"

namespace tenon::tools {
namespace {

class ProgressLineTest : public testing::Test {
 protected:
  ProgressLine Line(bool terminal) {
    return ProgressLine("tenon show", terminal, [this](absl::string_view text) {
      written_.append(text.data(), text.size());
    });
  }
  // What has been written since the last call.
  std::string Written() { return std::exchange(written_, ""); }
  std::string written_;
};

TEST_F(ProgressLineTest, ATerminalHasOneLineThatRenewsItself) {
  ProgressLine line = Line(/*terminal=*/true);
  line.Set("compiling");
  EXPECT_EQ(Written(), "");  // before its time
  EXPECT_DOUBLE_EQ(line.Show(2.1), 2.6);
  EXPECT_EQ(Written(), "tenon show: compiling (2 s)");
  line.Set("after pass cse");
  EXPECT_EQ(Written(), "");
  EXPECT_DOUBLE_EQ(line.Show(2.6), 3.1);
  EXPECT_EQ(Written(), "\r\x1b[Ktenon show: after pass cse (3 s)");
  line.Clear();
  EXPECT_EQ(Written(), "\r\x1b[K");
  line.Clear();  // nothing stands there
  EXPECT_EQ(Written(), "");
  line.Show(3.1);
  EXPECT_EQ(Written(), "tenon show: after pass cse (3 s)");
}

TEST_F(ProgressLineTest, AFileGetsALineEveryTenSeconds) {
  ProgressLine line = Line(/*terminal=*/false);
  EXPECT_DOUBLE_EQ(line.Show(2), 12);
  line.Set("compiling");
  EXPECT_DOUBLE_EQ(line.Show(12), 22);
  line.Clear();
  EXPECT_EQ(Written(), "tenon show: working (2 s)\ntenon show: compiling (12 s)\n");
}

// The thread: silent for two seconds, then there, and gone at the end.
TEST_F(ProgressLineTest, TheThreadWaitsAndCleansUp) {
  std::mutex mutex;
  std::string written;
  const auto line = [&] {
    return ProgressLine("tenon opt", /*terminal=*/true, [&](absl::string_view text) {
      const std::lock_guard<std::mutex> lock(mutex);
      written.append(text.data(), text.size());
    });
  };
  { Progress progress(line()); }
  EXPECT_EQ(written, "");
  const auto start = std::chrono::steady_clock::now();
  {
    Progress progress(line());
    progress.Set("reading");
    const auto shown = [&] {
      const std::lock_guard<std::mutex> lock(mutex);
      return !written.empty();
    };
    while (!shown() && std::chrono::steady_clock::now() - start < std::chrono::seconds(60)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  EXPECT_GE(std::chrono::steady_clock::now() - start,
            std::chrono::duration<double>(ProgressLine::kPatience));
  EXPECT_EQ(written.substr(0, 20), "tenon opt: reading (");
  EXPECT_EQ(written.substr(written.size() - 4), "\r\x1b[K");
}

TEST_F(ProgressLineTest, FollowingTellsThePassesAndCallsWhatWasThere) {
  passes::PipelineOptions options;
  std::string seen;
  options.after_pass = [&](const passes::PassReport& report, const ir::Graph&) {
    seen += std::string(report.pass) + ";";
  };
  options.after_stage = [&](absl::string_view stage, const kernel::Program&) {
    seen += std::string(stage) + ";";
  };
  Progress progress(Line(/*terminal=*/false));
  progress.Follow(&options);
  options.after_pass({.pass = "cse"}, ir::Graph());
  options.after_stage("lower", kernel::Program());
  EXPECT_EQ(seen, "cse;lower;");
  EXPECT_EQ(Written(), "");
}

}  // namespace
}  // namespace tenon::tools
