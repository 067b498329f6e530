#include "tenon/ir/enum_names.h"

namespace tenon::ir {

absl::string_view EnumName(Combiner value) { return CombinerName(value); }

absl::string_view EnumName(CompareKind value) {
  switch (value) {
    case CompareKind::kEq:
      return "eq";
    case CompareKind::kNe:
      return "ne";
    case CompareKind::kLt:
      return "lt";
    case CompareKind::kLe:
      return "le";
    case CompareKind::kGt:
      return "gt";
    case CompareKind::kGe:
      return "ge";
  }
  return "?";
}

absl::string_view EnumName(ScatterKind value) {
  switch (value) {
    case ScatterKind::kSet:
      return "set";
    case ScatterKind::kAdd:
      return "add";
    case ScatterKind::kMax:
      return "max";
    case ScatterKind::kMin:
      return "min";
  }
  return "?";
}

absl::string_view EnumName(InitKind value) {
  switch (value) {
    case InitKind::kZeros:
      return "zeros";
    case InitKind::kConstant:
      return "constant";
    case InitKind::kNormal:
      return "normal";
    case InitKind::kUniform:
      return "uniform";
    case InitKind::kGlorotUniform:
      return "glorot_uniform";
    case InitKind::kGlorotNormal:
      return "glorot_normal";
    case InitKind::kHeUniform:
      return "he_uniform";
    case InitKind::kHeNormal:
      return "he_normal";
  }
  return "?";
}

absl::string_view EnumName(InputKind value) {
  switch (value) {
    case InputKind::kInput:
      return "input";
    case InputKind::kParameter:
      return "parameter";
    case InputKind::kState:
      return "state";
  }
  return "?";
}

absl::string_view EnumName(ComputeClass value) {
  switch (value) {
    case ComputeClass::kConstant:
      return "constant";
    case ComputeClass::kMap:
      return "map";
    case ComputeClass::kReshape:
      return "reshape";
    case ComputeClass::kReduce:
      return "reduce";
    case ComputeClass::kWindow:
      return "window";
    case ComputeClass::kContract:
      return "contract";
    case ComputeClass::kCumulative:
      return "cumulative";
    case ComputeClass::kScatter:
      return "scatter";
    case ComputeClass::kSort:
      return "sort";
    case ComputeClass::kControl:
      return "control";
  }
  return "?";
}

absl::string_view EnumName(Differentiability value) {
  switch (value) {
    case Differentiability::kRule:
      return "rule";
    case Differentiability::kZero:
      return "zero";
    case Differentiability::kControl:
      return "control";
    case Differentiability::kNone:
      return "none";
  }
  return "?";
}

int NumInitArguments(InitKind kind) {
  switch (kind) {
    case InitKind::kConstant:
      return 1;
    case InitKind::kNormal:
    case InitKind::kUniform:
      return 2;
    case InitKind::kZeros:
    case InitKind::kGlorotUniform:
    case InitKind::kGlorotNormal:
    case InitKind::kHeUniform:
    case InitKind::kHeNormal:
      return 0;
  }
  return 0;
}

}  // namespace tenon::ir
