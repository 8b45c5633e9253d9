// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

namespace bench {

namespace {

std::string quoted(std::string_view text)
{
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(c);
        } else if (byte < 0x20 || byte >= 0x7F) {
            char escape[8];
            std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(byte));
            out.append(escape);
        } else {
            out.push_back(c);
        }
    }
    return out + "\"";
}

std::string number(double value)
{
    char text[40];
    if (!std::isfinite(value)) // a rate over no time at all: JSON has no word for it
        return "null";
    std::snprintf(text, sizeof text, "%.9g", value);
    return text;
}

} // namespace

void report::add_raw(std::string_view name, std::string_view json)
{
    if (!body_.empty())
        body_.append(", ");
    body_.append(quoted(name)).append(": ").append(json);
}

void report::add(std::string_view name, std::string_view text)
{
    add_raw(name, quoted(text));
}
void report::add(std::string_view name, double value)
{
    add_raw(name, number(value));
}
void report::add(std::string_view name, std::uint64_t value)
{
    add_raw(name, std::to_string(value));
}

void report::add(std::string_view name, const std::vector<double>& values)
{
    std::string list = "[";
    for (const double value : values)
        list.append(list.size() > 1 ? ", " : "").append(number(value));
    add_raw(name, list + "]");
}

void report::add(std::string_view name, const std::vector<std::uint64_t>& values)
{
    std::string list = "[";
    for (const std::uint64_t value : values)
        list.append(list.size() > 1 ? ", " : "").append(std::to_string(value));
    add_raw(name, list + "]");
}

std::uint64_t error_tally::total() const
{
    return std::accumulate(kinds_.begin(), kinds_.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const auto& kind) { return sum + kind.second; });
}

void error_tally::add_to(report& out) const
{
    report kinds;
    for (const auto& [kind, count] : kinds_)
        kinds.add(kind, count);
    out.add("errors", total());
    out.add_raw("error_kinds", kinds.str());
}

double median(std::vector<double> values)
{
    if (values.empty())
        return 0;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    if (values.size() % 2 == 1)
        return *middle;
    return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

} // namespace bench
