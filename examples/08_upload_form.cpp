// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// A form with a file, of any size: it is read as it comes and never in memory. Try `curl -F title=Notes -F file=@notes.txt URL`.
#include <sluice/sluice.hpp>

#include <fmt/core.h>
#include <zlib.h>

namespace {

constexpr const char* page = R"(<!DOCTYPE html>
<title>Upload</title>
<form method="post" enctype="multipart/form-data">
  <p><label>Title <input name="title"></label></p>
  <p><label>File <input name="file" type="file"></label></p>
  <p><button>Send</button></p>
</form>
)";

sluice::task<void> upload(sluice::request& req, sluice::responder respond)
{
    if (req.env().method() != "POST") {
        respond.send(200, {{"Content-Type", "text/html; charset=utf-8"}}, page);
        co_return;
    }
    std::string answer;
    // Called for each file in turn. It sets the pace: what it has not read, the web server keeps. (Why it has a name: see
    // file_handler.)
    const sluice::file_handler checksum = [&](const sluice::form_part& part,
                                              sluice::multipart_reader& file) -> sluice::task<void> {
        std::uint64_t size = 0;
        uLong crc = ::crc32(0, nullptr, 0);
        for (;;) {
            const auto piece = co_await file.read_some(); // where it lies, not copied
            if (piece.size() == 0)
                break;
            size += piece.size();
            crc = ::crc32_z(crc, static_cast<const Bytef*>(piece.data()), piece.size());
            if (size / 16'000'000 != (size - piece.size()) / 16'000'000)
                req.errors().line(fmt::format("{}: {} MB so far", part.name, size / 1'000'000));
        }
        // What the client calls its file is no path: safe_file_name makes a name of it.
        answer +=
            fmt::format("{}: {} bytes, crc32 {:08x}\n", sluice::safe_file_name(*part.filename), size, crc);
    };
    // Throws when the upload is cut off, malformed or too large: that makes it a 400 or 413.
    const auto form = co_await sluice::read_form(req, checksum);
    answer.insert(0, fmt::format("Title: {}\n", form.fields.get("title")));
    respond.send(200, {{"Content-Type", "text/plain; charset=utf-8"}}, std::move(answer));
}

} // namespace

int main(int argc, char** argv)
{
    return sluice::run(argc, argv, upload);
}
