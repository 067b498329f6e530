// The names of the graph IR that users of the frontend write all the time, in namespace tenon.
//
// Everything below frontend/ is in namespace tenon (layers in tenon::nn, losses in tenon::loss, and
// so on), over the graph IR of namespace tenon::ir.
#ifndef TENON_FRONTEND_CORE_H_
#define TENON_FRONTEND_CORE_H_

#include "tenon/ir/builder.h"
#include "tenon/ir/dim.h"
#include "tenon/ir/dtype.h"
#include "tenon/ir/graph.h"

namespace tenon {

using ir::BF16;
using ir::Bool;
using ir::Dim;
using ir::DType;
using ir::F16;
using ir::F32;
using ir::F64;
using ir::Graph;
using ir::GraphBuilder;
using ir::I32;
using ir::I64;
using ir::I8;
using ir::Initializer;
using ir::Operand;
using ir::Shape;
using ir::SourceLocation;
using ir::U8;
using ir::Value;

namespace init = ir::init;

// Functions whose arguments may all be braced lists, so that look-up by argument does not find
// them.
using ir::Concat;
using ir::Sort;

}  // namespace tenon

#endif  // TENON_FRONTEND_CORE_H_
