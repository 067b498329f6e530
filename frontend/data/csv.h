// Reads tables of numbers: comma-separated, with an optional header line.
#ifndef TENON_FRONTEND_DATA_CSV_H_
#define TENON_FRONTEND_DATA_CSV_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tenon/frontend/data/dataset.h"
#include "tenon/frontend/tensor.h"

namespace tenon::data {

struct CsvOptions {
  char separator = ',';
  bool header = true;  // the first line names the columns
};

struct Table {
  std::vector<std::string> columns;  // empty without a header
  Tensor values;                     // f64[rows, columns]
};

// Errors name the file, the line and the field.
absl::StatusOr<Table> ReadCsv(const std::string& path, const CsvOptions& options = {});
absl::StatusOr<Table> ParseCsv(absl::string_view contents, absl::string_view name,
                               const CsvOptions& options = {});

// A file whose column `target` (the last one when empty) is what the others predict: x is f32[n,
// k], y is f32[n, 1].
absl::StatusOr<Dataset> ReadCsvDataset(const std::string& path, const std::string& target = "",
                                       const CsvOptions& options = {});

}  // namespace tenon::data

#endif  // TENON_FRONTEND_DATA_CSV_H_
