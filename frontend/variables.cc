#include "tenon/frontend/variables.h"

#include <cstring>
#include <utility>

#include "tenon/ir/check.h"

namespace tenon {

Variable& Variables::Add(std::string name, VariableKind kind, Tensor value) {
  TENON_CHECK(Find(name) == nullptr);
  all_.push_back({std::move(name), kind, std::move(value)});
  by_name_[all_.back().name] = &all_.back();
  return all_.back();
}

Variable* Variables::Find(absl::string_view name) {
  const auto it = by_name_.find(std::string(name));
  return it == by_name_.end() ? nullptr : it->second;
}

const Variable* Variables::Find(absl::string_view name) const {
  return const_cast<Variables*>(this)->Find(name);
}

std::vector<Tensor> Variables::Snapshot() const {
  std::vector<Tensor> snapshot;
  for (const Variable& v : all_) {
    if (v.kind != VariableKind::kMetric) snapshot.push_back(v.value);
  }
  return snapshot;
}

void Variables::Restore(const std::vector<Tensor>& snapshot) {
  size_t next = 0;
  for (Variable& v : all_) {
    // Variables that came after the snapshot have nothing to go back to.
    if (v.kind == VariableKind::kMetric || next == snapshot.size()) continue;
    const Tensor& from = snapshot[next++];
    TENON_CHECK(from.byte_size() == v.value.byte_size());
    std::memcpy(v.value.mutable_bytes(), from.bytes(), static_cast<size_t>(from.byte_size()));
  }
}

void Variables::ZeroMetrics() {
  for (Variable& v : all_) {
    if (v.kind != VariableKind::kMetric) continue;
    std::memset(v.value.mutable_bytes(), 0, static_cast<size_t>(v.value.byte_size()));
  }
}

}  // namespace tenon
