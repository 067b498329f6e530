#include "tenon/frontend/loss/clip.h"

namespace tenon::loss {

Value ClipProbability(Value p) { return Min(Max(p, kEpsilon), 1 - kEpsilon); }

}  // namespace tenon::loss
