// What the losses over probabilities share.
#ifndef TENON_FRONTEND_LOSS_CLIP_H_
#define TENON_FRONTEND_LOSS_CLIP_H_

#include "tenon/frontend/core.h"

namespace tenon::loss {

// Keras' `epsilon`: probabilities are kept this far from 0 and 1, so that logarithms stay finite.
inline constexpr double kEpsilon = 1e-7;

// `p` limited to [kEpsilon, 1 - kEpsilon].
Value ClipProbability(Value p);

}  // namespace tenon::loss

#endif  // TENON_FRONTEND_LOSS_CLIP_H_
