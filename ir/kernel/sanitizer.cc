#include "tenon/ir/kernel/sanitizer.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tenon/ir/kernel/text.h"

namespace tenon::kernel {

Memory::Memory(int64_t size, int64_t granule_bytes)
    : granule(granule_bytes),
      bytes(static_cast<size_t>(size), std::byte{0xa5}),
      cells(static_cast<size_t>((size + granule_bytes - 1) / granule_bytes)) {}

Sanitizer::Sanitizer(const Program& program, Options options)
    : program_(program), options_(options), launches_(1) {}

uint32_t Sanitizer::Agent(int64_t c, int64_t n) {
  if (!options_.each_chunk_its_own_thread) {
    const int64_t threads = options_.threads;
    // ceil((c + 1) T / n) - 1, in numbers that do not overflow.
    const __int128 scaled = static_cast<__int128>(c + 1) * threads;
    return static_cast<uint32_t>((scaled + n - 1) / n - 1);
  }
  const int64_t divisor = std::gcd(c + 1, n);
  auto [it, is_new] = fractions_.try_emplace({(c + 1) / divisor, n / divisor},
                                             static_cast<uint32_t>(agents_.size()));
  if (is_new) agents_.push_back({c, n});
  return it->second;
}

bool Sanitizer::Differ(uint32_t a, uint32_t b) const {
  if (a == kNobody || b == kNobody) return false;
  if (a == kEveryThread || b == kEveryThread) {
    return options_.each_chunk_its_own_thread || options_.threads > 1;
  }
  return a != b;
}

void Sanitizer::BeginLaunch(const Launch* launch, std::string where) {
  launches_.push_back({launch, std::move(where)});
}

void Sanitizer::Barrier() {
  phase_start_ = static_cast<uint32_t>(launches_.size());
  if (!unfenced_.empty()) {
    Report(absl::StrCat(AgentName(*unfenced_.begin()),
                        " reaches a barrier with non-temporal stores and no fence after them (",
                        LaunchName(phase_start_ - 1), ")"));
    unfenced_.clear();
  }
}

std::string Sanitizer::AgentName(uint32_t agent) const {
  if (agent == kEveryThread) return "every thread";
  if (options_.each_chunk_its_own_thread && agent < agents_.size()) {
    return absl::StrCat("chunk ", agents_[agent].first, " of ", agents_[agent].second);
  }
  return absl::StrCat("thread ", agent);
}

std::string Sanitizer::LaunchName(uint32_t number) const {
  if (number == 0 || number >= launches_.size()) return "no launch";
  const LaunchInfo& info = launches_[number];
  if (info.launch == nullptr) return info.where;
  return absl::StrCat("kernel ", program_.kernels[info.launch->kernel].name, " at ", info.where);
}

std::string Sanitizer::Describe(const BufferView& view, int64_t index) const {
  // A wild index may be anything: unsigned, so that the sum wraps.
  const uint64_t element = static_cast<uint64_t>(index) + static_cast<uint64_t>(view.first);
  return absl::StrCat(
      "element ", static_cast<int64_t>(element), " of buffer ",
      view.owner < program_.buffers.size() ? program_.buffers[view.owner].name : "?");
}

void Sanitizer::Report(std::string text) {
  if (!full()) reports_.push_back(std::move(text));
}

void Sanitizer::Report(absl::string_view what, const AccessSite& site) {
  // One report an instruction, kind and launch.
  const std::string kind(what.substr(0, what.find(':')));
  if (!known_.insert({launches_.back().launch, site.instr, kind}).second) return;
  std::string text = absl::StrCat(what, "\n    in ", LaunchName(launches_.size() - 1));
  if (site.chunk >= 0) absl::StrAppend(&text, ", chunk ", site.chunk, " of ", site.chunks);
  if (site.kernel != nullptr && site.instr != nullptr) {
    absl::StrAppend(&text, ": ", Print(*site.kernel, *site.instr));
    if (site.instr->site >= 0 && site.instr->site < static_cast<int>(program_.sites.size())) {
      absl::StrAppend(&text, " // ", program_.sites[site.instr->site].ToString());
    }
  }
  Report(std::move(text));
}

void Sanitizer::ReportRace(absl::string_view what, const BufferView& view, int64_t index,
                           const AccessSite& site, absl::string_view other, uint32_t other_agent,
                           uint32_t other_launch) {
  Report(absl::StrCat("race: ", AgentName(site.agent), " ", what, " ", Describe(view, index),
                      ", which ", AgentName(other_agent), " ", other, " in ",
                      LaunchName(other_launch), " with no barrier between"),
         site);
}

void Sanitizer::ReportAlias(const BufferView& view, int64_t index, const AccessSite& site,
                            uint16_t other_param) {
  const std::vector<Param>& params = site.kernel->params;
  Report(absl::StrCat("alias: ", Describe(view, index), " is touched as ", params[view.param].name,
                      " and as ", params[other_param].name, ", which may not alias"),
         site);
}

namespace {

bool NoAlias(const AccessSite& site, uint16_t a, uint16_t b) {
  if (a == b || site.kernel == nullptr) return false;
  const std::vector<Param>& params = site.kernel->params;
  return params[a].no_alias || params[b].no_alias;
}

}  // namespace

bool Sanitizer::Read(const BufferView& view, int64_t index, int64_t bytes, const AccessSite& site) {
  if (index < -view.first || index >= view.elements) {
    Report(absl::StrCat("out of bounds: reads ", Describe(view, index), ", which has ",
                        view.first + view.elements),
           site);
    return false;
  }
  const uint32_t launch = static_cast<uint32_t>(launches_.size() - 1);
  const int64_t granule = view.memory->granule;
  const int64_t begin = (view.offset + index * bytes) / granule;
  const int64_t end = (view.offset + (index + 1) * bytes - 1) / granule;
  for (int64_t c = begin; c <= end; ++c) {
    Memory::Cell& cell = view.memory->cells[c];
    if (cell.owner != view.owner && cell.owner != view.also) [[unlikely]] {
      const bool stale = cell.owner < program_.buffers.size();
      Report(absl::StrCat(
                 "unwritten: reads ", Describe(view, index), ", which nobody wrote",
                 stale ? absl::StrCat(" (buffer ", program_.buffers[cell.owner].name,
                                      " was written there in ", LaunchName(cell.write_launch), ")")
                       : ""),
             site);
    }
    if (cell.write_launch >= phase_start_ && Differ(cell.write_agent, site.agent)) [[unlikely]] {
      ReportRace("reads", view, index, site, "wrote", cell.write_agent, cell.write_launch);
    }
    if (cell.write_launch == launch && NoAlias(site, cell.write_param, view.param)) [[unlikely]] {
      ReportAlias(view, index, site, cell.write_param);
    }
    const bool others = cell.read_launch >= phase_start_ && cell.read_agent != site.agent &&
                        cell.read_agent != kNobody;
    cell.read_agent = others ? kEveryThread : site.agent;
    cell.read_launch = launch;
    cell.read_param = view.param;
  }
  return true;
}

bool Sanitizer::Write(const BufferView& view, int64_t index, int64_t bytes, bool non_temporal,
                      const AccessSite& site) {
  if (index < -view.first || index >= view.elements) {
    Report(absl::StrCat("out of bounds: writes ", Describe(view, index), ", which has ",
                        view.first + view.elements),
           site);
    return false;
  }
  if (!view.writable) {
    Report(absl::StrCat("read-only: writes ", Describe(view, index)), site);
    return false;
  }
  if (non_temporal) unfenced_.insert(site.agent);
  const uint32_t launch = static_cast<uint32_t>(launches_.size() - 1);
  const int64_t granule = view.memory->granule;
  const int64_t begin = (view.offset + index * bytes) / granule;
  const int64_t end = (view.offset + (index + 1) * bytes - 1) / granule;
  for (int64_t c = begin; c <= end; ++c) {
    Memory::Cell& cell = view.memory->cells[c];
    if (cell.write_launch >= phase_start_ && Differ(cell.write_agent, site.agent)) [[unlikely]] {
      ReportRace("writes", view, index, site, "wrote", cell.write_agent, cell.write_launch);
    } else if (cell.read_launch >= phase_start_ && Differ(cell.read_agent, site.agent))
        [[unlikely]] {
      ReportRace("writes", view, index, site, "read", cell.read_agent, cell.read_launch);
    }
    if ((cell.write_launch == launch && NoAlias(site, cell.write_param, view.param)) ||
        (cell.read_launch == launch && NoAlias(site, cell.read_param, view.param))) [[unlikely]] {
      ReportAlias(view, index, site,
                  cell.write_launch == launch ? cell.write_param : cell.read_param);
    }
    if (cell.store == site.store && site.store != 0) [[unlikely]] {
      Report(absl::StrCat("overlap: writes ", Describe(view, index), " twice"), site);
    }
    cell.store = site.store;
    cell.owner = view.owner;
    cell.write_agent = site.agent;
    cell.write_launch = launch;
    cell.write_param = view.param;
  }
  return true;
}

}  // namespace tenon::kernel
