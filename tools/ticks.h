// The processor's counter that compiled programs read (codegen::CodegenOptions::clocks).
#ifndef TENON_TOOLS_TICKS_H_
#define TENON_TOOLS_TICKS_H_

namespace tenon::tools {

// Measured against the clock, over some 20 ms.
double SecondsPerTick();

}  // namespace tenon::tools

#endif  // TENON_TOOLS_TICKS_H_
