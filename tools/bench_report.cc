#include "tools/bench_report.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"

namespace tenon::tools {
namespace {

std::string Duration(double seconds) {
  if (seconds >= 1) return absl::StrFormat("%.3g s", seconds);
  if (seconds >= 1e-3) return absl::StrFormat("%.3g ms", 1e3 * seconds);
  if (seconds >= 1e-6) return absl::StrFormat("%.3g us", 1e6 * seconds);
  return absl::StrFormat("%.0f ns", 1e9 * seconds);
}

std::string Bytes(double bytes) {
  if (bytes >= 1e9) return absl::StrFormat("%.3g GB", 1e-9 * bytes);
  if (bytes >= 1e6) return absl::StrFormat("%.3g MB", 1e-6 * bytes);
  if (bytes >= 1e3) return absl::StrFormat("%.3g kB", 1e-3 * bytes);
  return absl::StrFormat("%.0f B", bytes);
}

std::string WithQuartiles(const Timing& t) {
  return absl::StrCat(Duration(t.median), " (", Duration(t.low), "-", Duration(t.high), ")");
}

double Percent(double part, double whole) { return whole > 0 ? 100 * part / whole : 0; }

std::string LaunchLine(const BenchReport& report, const LaunchReport& l) {
  std::string line = absl::StrFormat("%10s %5.1f%%", Duration(l.seconds),
                                     Percent(l.seconds, report.clocked_seconds));
  if (l.cost.exact && l.seconds > 0) {
    absl::StrAppendFormat(&line, " %9.1f %8.1f %8.1f%% %-8s", 1e-9 * l.cost.flops() / l.seconds,
                          1e-9 * l.cost.bytes() / l.seconds,
                          Percent(l.RooflineSeconds(), l.seconds),
                          l.compute_seconds > l.MemorySeconds() ? "compute" : "memory");
  } else {
    absl::StrAppendFormat(&line, " %9s %8s %9s %-8s", "-", "-", "-", "");
  }
  absl::StrAppend(&line, " ", l.kernel);
  if (l.runs != 1) absl::StrAppend(&line, " x ", l.runs);
  return line;
}

struct Totals {
  double kernels = 0, barriers = 0, roofline = 0, flops = 0;
};
Totals TotalsOf(const BenchReport& report) {
  Totals t;
  for (const LaunchReport& l : report.launches) {
    (l.is_barrier ? t.barriers : t.kernels) += l.seconds;
    if (l.is_barrier) continue;
    t.roofline += l.RooflineSeconds();
    t.flops += l.cost.flops();
  }
  return t;
}

nlohmann::json ToJson(const Timing& t) {
  return {{"median_s", t.median}, {"quartiles_s", {t.low, t.high}}};
}

}  // namespace

Timing TimingOf(std::vector<double> seconds) {
  if (seconds.empty()) return {};
  std::sort(seconds.begin(), seconds.end());
  const auto at = [&](size_t quarter) { return seconds[(seconds.size() - 1) * quarter / 4]; };
  return {at(2), at(1), at(3)};
}

std::string BenchText(const BenchReport& report) {
  std::string text = absl::StrCat("@", report.model, " on ", report.threads,
                                  report.threads == 1 ? " thread" : " threads", ", ", report.cpu,
                                  " (code for ", report.target, ")");
  for (const auto& [symbol, extent] : report.extents) {
    absl::StrAppend(&text, ", ", symbol, "=", extent);
  }
  absl::StrAppendFormat(&text, "\ncompile    %s: passes %s, code %s; %d kernels, %d distinct\n",
                        Duration(report.passes_seconds + report.codegen_seconds),
                        Duration(report.passes_seconds), Duration(report.codegen_seconds),
                        report.kernels, report.distinct_kernels);
  absl::StrAppendFormat(&text, "memory     arena %s, scratch %s a thread, prepared %s\n",
                        Bytes(static_cast<double>(report.arena_bytes)),
                        Bytes(static_cast<double>(report.scratch_bytes)),
                        Bytes(static_cast<double>(report.prepared_bytes)));
  absl::StrAppendFormat(&text, "machine    f32 %.1f, f64 %.1f, bf16 %.1f GFLOP/s; ",
                        1e-9 * report.peak_f32, 1e-9 * report.peak_f64, 1e-9 * report.peak_bf16);
  absl::StrAppendFormat(&text, "copy %.1f, past the caches %.1f GB/s\n", 1e-9 * report.copy,
                        1e-9 * report.copy_nt);
  const Totals totals = TotalsOf(report);
  absl::StrAppendFormat(&text, "warm       %s, %d runs; %.1f GFLOP/s, %.1f%% of the roofline\n",
                        WithQuartiles(report.warm), report.runs,
                        1e-9 * totals.flops / report.warm.median,
                        Percent(totals.roofline, report.warm.median));
  absl::StrAppend(&text, "cold       ", WithQuartiles(report.cold), ", caches full of other data\n",
                  "first      ", Duration(report.first_seconds), "\n\n");
  absl::StrAppend(&text, "      time   share   GFLOP/s     GB/s  roofline bound    kernel\n");
  std::vector<const LaunchReport*> order;
  for (const LaunchReport& l : report.launches) {
    if (!l.is_barrier) order.push_back(&l);
  }
  std::stable_sort(order.begin(), order.end(), [](const LaunchReport* a, const LaunchReport* b) {
    return a->seconds > b->seconds;
  });
  for (const LaunchReport* l : order) absl::StrAppend(&text, LaunchLine(report, *l), "\n");
  const double rest = report.clocked_seconds - totals.kernels;
  absl::StrAppendFormat(&text, "%10s %5.1f%% %47s\n", Duration(std::max(0.0, rest)),
                        Percent(std::max(0.0, rest), report.clocked_seconds),
                        "waiting, barriers, start");
  return text;
}

std::string BenchJson(const BenchReport& report) {
  using nlohmann::json;
  json extents = json::object();
  for (const auto& [symbol, extent] : report.extents) extents[symbol] = extent;
  json launches = json::array();
  for (const LaunchReport& l : report.launches) {
    if (l.is_barrier) {
      launches.push_back({{"barrier", true}, {"seconds", l.seconds}});
      continue;
    }
    launches.push_back({{"kernel", l.kernel},
                        {"runs", l.runs},
                        {"seconds", l.seconds},
                        {"flops", l.cost.flops()},
                        {"bytes_read", l.cost.bytes_read},
                        {"bytes_written", l.cost.bytes_written},
                        {"counts_exact", l.cost.exact},
                        {"compute_s", l.compute_seconds},
                        {"bandwidth", l.bandwidth},
                        {"roofline_s", l.RooflineSeconds()}});
  }
  const json out = {
      {"model", report.model},
      {"cpu", report.cpu},
      {"target", report.target},
      {"threads", report.threads},
      {"extents", extents},
      {"compile", {{"passes_s", report.passes_seconds}, {"codegen_s", report.codegen_seconds}}},
      {"kernels", report.kernels},
      {"distinct_kernels", report.distinct_kernels},
      {"memory",
       {{"arena", report.arena_bytes},
        {"scratch", report.scratch_bytes},
        {"prepared", report.prepared_bytes}}},
      {"machine",
       {{"peak_f32", report.peak_f32},
        {"peak_f64", report.peak_f64},
        {"peak_bf16", report.peak_bf16},
        {"copy", report.copy},
        {"copy_non_temporal", report.copy_nt}}},
      {"first_s", report.first_seconds},
      {"runs", report.runs},
      {"warm", ToJson(report.warm)},
      {"cold", ToJson(report.cold)},
      {"clocked_s", report.clocked_seconds},
      {"launches", launches}};
  return out.dump(1) + "\n";
}

}  // namespace tenon::tools
