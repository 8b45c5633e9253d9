// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// A report of any size that is never in memory: /?rows=100000000 is about 4 GiB of CSV. However slowly the client reads,
// sluice holds at most 64 KiB of it, because `write` resumes only when the client has made room.
#include <sluice/sluice.hpp>

#include <fmt/format.h>

#include <charconv>
#include <iterator>

namespace {

std::uint64_t rows_wanted(std::string_view query)
{
    std::uint64_t rows = 1000;
    if (query.starts_with("rows="))
        std::from_chars(query.data() + 5, query.data() + query.size(), rows);
    return rows;
}

sluice::task<void> report(sluice::request& req, sluice::responder respond)
{
    const auto rows = rows_wanted(req.env().query_string());
    auto out = respond.start(200, {{"Content-Type", "text/csv; charset=utf-8"},
                                   {"Content-Disposition", "attachment; filename=report.csv"}});
    fmt::memory_buffer line;
    co_await out.write("row,square,text\r\n");
    for (std::uint64_t i = 1; i <= rows; ++i) {
        fmt::format_to(std::back_inserter(line), "{},{},\"the number {}\"\r\n", i, i * i, i);
        // Some rows at a time: a write costs little, but not nothing.
        if (line.size() > 4000 || i == rows) {
            co_await out.write(std::string_view(line.data(), line.size()));
            line.clear();
        }
    }
}

} // namespace

int main(int argc, char** argv)
{
    return sluice::run(argc, argv, report);
}
