// How a contraction is cut into chunks for `parallel`. Internal to the schedule of contractions.
#ifndef TENON_PASSES_CONTRACT_CHUNKS_H_
#define TENON_PASSES_CONTRACT_CHUNKS_H_

#include "tenon/ir/target.h"
#include "tenon/passes/contract/nest.h"
#include "tenon/passes/contract/schedule.h"

namespace tenon::contract {

// Of a schedule whose tile and panels are chosen: one m loop, in chunks of rows and panels that few
// threads share evenly and that pack little twice; with it, whether panels are copied within tiles.
void ChooseRowChunks(const ContractNest& nest, const ir::TargetDesc& target, Schedule* s);
// Several m loops: about 16 chunks of outer iterations, so that few threads share evenly.
void ChooseOuterChunks(const ContractNest& nest, Schedule* s);

}  // namespace tenon::contract

#endif  // TENON_PASSES_CONTRACT_CHUNKS_H_
