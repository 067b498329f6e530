#include "tenon/passes/lower/lower.h"

#include <utility>

#include "tenon/ir/check.h"
#include "tenon/passes/lower/graph_lowerer.h"

namespace tenon::lower {

namespace {

// One binding an input and an output, in that order; a donated pair shares the input's buffer.
void AddBindings(const ir::Graph& graph, kernel::Program* program, std::vector<Place>* inputs,
                 std::vector<Place>* outputs) {
  auto add_buffer = [&](const kernel::Binding& binding) {
    program->buffers.push_back({.name = binding.name,
                                .kind = kernel::BufferKind::kBinding,
                                .dtype = binding.type.dtype,
                                .size = binding.type.NumElements(),
                                .binding = static_cast<int32_t>(program->bindings.size()) - 1});
    return Place{static_cast<int32_t>(program->buffers.size()) - 1};
  };
  for (const ir::Input& input : graph.inputs()) {
    program->bindings.push_back({.name = input.name,
                                 .is_output = false,
                                 .kind = input.kind,
                                 .type = graph.type(input.value)});
    inputs->push_back(add_buffer(program->bindings.back()));
  }
  for (const ir::Output& output : graph.outputs()) {
    program->bindings.push_back({.name = output.name,
                                 .is_output = true,
                                 .type = graph.type(output.value),
                                 .donated_input = output.donated_input});
    if (output.donated_input >= 0) {
      program->bindings[output.donated_input].donated_input = 1;
      outputs->push_back((*inputs)[output.donated_input]);
    } else {
      outputs->push_back(add_buffer(program->bindings.back()));
    }
  }
}

}  // namespace

absl::StatusOr<kernel::Program> Lower(const ir::Graph& graph, const fuse::FusionPlan& plan,
                                      const ir::TargetDesc& target,
                                      const passes::PipelineOptions& options) {
  kernel::Program program;
  program.name = graph.name();
  program.has_fma = target.has_fma;
  for (const auto& [name, bound] : graph.Symbols()) program.symbols.push_back({name, bound});
  std::vector<Place> inputs, outputs;
  AddBindings(graph, &program, &inputs, &outputs);
  GraphLowerer lowerer(graph, plan, target, options, program, &program.step);
  std::vector<int> replaces;
  for (const ir::Output& output : graph.outputs()) replaces.push_back(output.donated_input);
  lowerer.context().set_prepared(fuse::Prepared(graph, plan));
  TENON_RETURN_IF_ERROR(lowerer.Run(inputs, outputs, replaces));
  if (options.after_lower) options.after_lower(lowerer.FindOrigins());
  return program;
}

}  // namespace tenon::lower
