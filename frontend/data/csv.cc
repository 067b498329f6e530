#include "tenon/frontend/data/csv.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tenon/frontend/data/file.h"
#include "tenon/ir/check.h"

namespace tenon::data {

absl::StatusOr<Table> ParseCsv(absl::string_view contents, absl::string_view name,
                               const CsvOptions& options) {
  Table table;
  std::vector<double> values;
  size_t columns = 0;
  int64_t line_number = 0, rows = 0;
  for (absl::string_view line : absl::StrSplit(contents, '\n')) {
    ++line_number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty()) continue;
    const std::vector<absl::string_view> fields = absl::StrSplit(line, options.separator);
    if (columns == 0) {
      columns = fields.size();
      if (options.header) {
        for (absl::string_view field : fields) {
          table.columns.emplace_back(absl::StripAsciiWhitespace(field));
        }
        continue;
      }
    }
    if (fields.size() != columns) {
      return absl::DataLossError(absl::StrCat(name, ":", line_number, ": ", fields.size(),
                                              " fields where there should be ", columns));
    }
    for (absl::string_view field : fields) {
      double value;
      if (!absl::SimpleAtod(field, &value)) {
        return absl::DataLossError(
            absl::StrCat(name, ":", line_number, ": '", field, "' is not a number"));
      }
      values.push_back(value);
    }
    ++rows;
  }
  table.values =
      Tensor::FromValues<double>({rows, static_cast<int64_t>(columns)}, absl::MakeSpan(values));
  return table;
}

absl::StatusOr<Table> ReadCsv(const std::string& path, const CsvOptions& options) {
  TENON_ASSIGN_OR_RETURN(std::string contents, ReadFile(path));
  return ParseCsv(contents, path, options);
}

absl::StatusOr<Dataset> ReadCsvDataset(const std::string& path, const std::string& target,
                                       const CsvOptions& options) {
  TENON_ASSIGN_OR_RETURN(Table table, ReadCsv(path, options));
  const int64_t rows = table.values.dims()[0], columns = table.values.dims()[1];
  if (rows == 0) return absl::InvalidArgumentError(absl::StrCat("'", path, "' holds no rows"));
  if (columns < 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", path, "' needs at least two columns: features and a target"));
  }
  int64_t target_column = columns - 1;
  if (!target.empty()) {
    const auto found = std::find(table.columns.begin(), table.columns.end(), target);
    if (found == table.columns.end()) {
      return absl::NotFoundError(absl::StrCat("'", path, "' has no column '", target, "'"));
    }
    target_column = found - table.columns.begin();
  }
  Dataset data{Tensor(ir::DType::kF32, {rows, columns - 1}), Tensor(ir::DType::kF32, {rows, 1})};
  const absl::Span<const double> from = table.values.data<double>();
  const absl::Span<float> x = data.x.mutable_data<float>();
  const absl::Span<float> y = data.y.mutable_data<float>();
  size_t next = 0;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      const auto value = static_cast<float>(from[r * columns + c]);
      (c == target_column ? y[r] : x[next++]) = value;
    }
  }
  return data;
}

}  // namespace tenon::data
