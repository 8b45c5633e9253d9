// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "support/records.hpp"

#include <algorithm>
#include <charconv>
#include <ostream>
#include <set>
#include <stdexcept>

namespace sluice::test {

using fcgi::record_type;

namespace {

unsigned at(std::string_view s, std::size_t i)
{
    return static_cast<unsigned char>(s[i]);
}

char low_byte(std::size_t n)
{
    return static_cast<char>(n & 0xff);
}

void append_length(std::size_t n, std::string& out)
{
    if (n > 127) {
        out += low_byte(n >> 24 | 0x80);
        out += low_byte(n >> 16);
        out += low_byte(n >> 8);
    }
    out += low_byte(n);
}

} // namespace

std::string record(unsigned type, id_type id, std::string_view content, std::size_t padding)
{
    std::string r{'\1',
                  low_byte(type),
                  low_byte(id >> 8u),
                  low_byte(id),
                  low_byte(content.size() >> 8),
                  low_byte(content.size()),
                  low_byte(padding),
                  '\0'};
    r += content;
    r.append(padding, '\xee');
    return r;
}

std::string records(unsigned type, id_type id, std::string_view content, std::size_t piece,
                    std::size_t padding)
{
    std::string all;
    for (; !content.empty(); content.remove_prefix(std::min(piece, content.size())))
        all += record(type, id, content.substr(0, piece), padding);
    return all;
}

std::string begin_request(id_type id, bool keep, unsigned role)
{
    return record(1, id, std::string{low_byte(role >> 8), low_byte(role), keep ? '\1' : '\0', 0, 0, 0, 0, 0});
}

std::string name_values(const pairs& all)
{
    std::string out;
    for (const auto& [name, value] : all) {
        append_length(name.size(), out);
        append_length(value.size(), out);
        out += name;
        out += value;
    }
    return out;
}

std::string params(id_type id, const pairs& all, std::size_t piece, std::size_t padding)
{
    return records(4, id, name_values(all), piece, padding) + params_end(id);
}

std::string params_end(id_type id)
{
    return record(4, id, {});
}

std::string stdin_data(id_type id, std::string_view body, std::size_t piece, std::size_t padding)
{
    return records(5, id, body, piece, padding);
}

std::string stdin_end(id_type id)
{
    return record(5, id, {});
}

std::string file_data(id_type id, std::string_view file, std::size_t piece, std::size_t padding)
{
    return records(8, id, file, piece, padding) + record(8, id, {});
}

std::string abort_request(id_type id)
{
    return record(2, id, {});
}

std::string get_values(const std::vector<std::string>& names)
{
    pairs all;
    for (const auto& name : names)
        all.emplace_back(name, "");
    return record(9, 0, name_values(all));
}

pairs variables(std::string_view method, std::string_view path, const pairs& more)
{
    pairs all{{"REQUEST_METHOD", std::string(method)},
              {"SCRIPT_NAME", ""},
              {"PATH_INFO", std::string(path)},
              {"REQUEST_URI", std::string(path)},
              {"QUERY_STRING", ""},
              {"SERVER_NAME", "localhost"},
              {"SERVER_PORT", "80"},
              {"SERVER_PROTOCOL", "HTTP/1.1"}};
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

std::string get(id_type id, bool keep, std::string_view path)
{
    return begin_request(id, keep) + params(id, variables("GET", path)) + stdin_end(id);
}

std::string post(id_type id, bool keep, std::string_view body, bool with_length)
{
    pairs more;
    if (with_length)
        more.emplace_back("CONTENT_LENGTH", std::to_string(body.size()));
    return begin_request(id, keep) + params(id, variables("POST", "/", more)) + stdin_data(id, body) +
           stdin_end(id);
}

std::ostream& operator<<(std::ostream& to, const wire_record& r)
{
    const auto name = fcgi::name_of(r.type);
    to << name << ' ' << r.id << ' ';
    if (r.content.size() > 60)
        return to << '(' << r.content.size() << " bytes)";
    to << '"';
    for (const char c : r.content) {
        if (c >= ' ' && c <= '~')
            to << c;
        else
            to << "\\x"
               << "0123456789abcdef"[static_cast<unsigned char>(c) >> 4] << "0123456789abcdef"[c & 15];
    }
    return to << '"';
}

wire_records parse_records(std::string_view bytes)
{
    wire_records got;
    while (bytes.size() >= 8) {
        if (at(bytes, 0) != 1)
            throw std::runtime_error("a record of version " + std::to_string(at(bytes, 0)) + " after " +
                                     std::to_string(got.all.size()) + " good ones");
        const std::size_t size = at(bytes, 4) << 8 | at(bytes, 5);
        const std::size_t padding = at(bytes, 6);
        if (bytes.size() < 8 + size + padding)
            break;
        got.all.push_back({static_cast<record_type>(at(bytes, 1)),
                           static_cast<id_type>(at(bytes, 2) << 8 | at(bytes, 3)),
                           std::string(bytes.substr(8, size)), padding});
        bytes.remove_prefix(8 + size + padding);
    }
    got.left_over = bytes.size();
    return got;
}

int reply::status() const
{
    constexpr std::string_view name = "Status: ";
    if (!head.starts_with(name))
        return 0;
    int code = 0;
    std::from_chars(head.data() + name.size(), head.data() + head.size(), code);
    return code;
}

reply reply_to(id_type id, const wire_records& got, int then)
{
    reply r;
    std::string out;
    const auto must = [&](bool holds, const char* what) {
        if (!holds)
            throw std::runtime_error("request " + std::to_string(id) + ": " + what);
    };
    for (const wire_record& one : got.all) {
        if (one.id != id)
            continue;
        if (r.ends > 0 && then > 0) {
            r = {};
            out.clear();
            --then;
        }
        must(r.ends == 0, "a record after END_REQUEST");
        must(!r.fault, "a record after the fault");
        switch (one.type) {
        case record_type::stdout_stream:
            must(!r.out_ended, "STDOUT after its end");
            r.out_ended = one.content.empty();
            r.records += one.content.empty() ? 0 : 1;
            r.most_content = std::max(r.most_content, one.content.size());
            out += one.content;
            break;
        case record_type::stderr_stream:
            must(!r.errors_ended, "STDERR after its end");
            must(!one.content.empty() || !r.errors.empty(), "the end of a STDERR that was not used");
            r.errors_ended = one.content.empty();
            r.errors += one.content;
            break;
        case record_type::end_request:
            must(one.content.size() == 8, "END_REQUEST of a wrong size");
            ++r.ends;
            r.app_status = at(one.content, 0) << 24 | at(one.content, 1) << 16 | at(one.content, 2) << 8 |
                           at(one.content, 3);
            must(r.app_status != 0 || r.errors.empty() || r.errors_ended,
                 "a good END_REQUEST before the end of STDERR");
            r.protocol_status = static_cast<fcgi::protocol_status>(at(one.content, 4));
            break;
        default:
            must(static_cast<unsigned>(one.type) > 11, "a record only a web server may send");
            r.fault = true;
        }
    }
    const auto end = out.find("\r\n\r\n");
    const auto head_size = end == out.npos ? out.size() : end + 4;
    r.head = out.substr(0, head_size);
    r.body = out.substr(head_size);
    return r;
}

reply reply_to(id_type id, std::string_view bytes, int then)
{
    return reply_to(id, parse_records(bytes), then);
}

void for_each_cut(std::string_view bytes, const std::function<void(const pieces&)>& f)
{
    f({bytes});
    for (std::size_t cut = 1; cut < bytes.size(); ++cut)
        f({bytes.substr(0, cut), bytes.substr(cut)});
    pieces single;
    for (std::size_t i = 0; i < bytes.size(); ++i)
        single.push_back(bytes.substr(i, 1));
    f(single);
}

std::vector<std::size_t> cuts_of(std::string_view records, std::size_t step)
{
    std::set<std::size_t> cuts;
    const auto around = [&](std::size_t edge) {
        for (std::size_t i = 0; i <= 20; ++i)
            if (edge + i >= 10 && edge + i - 10 <= records.size())
                cuts.insert(edge + i - 10);
    };
    around(0);
    for (std::size_t at = 0; const auto& r : parse_records(records).all) {
        around(at + 8 + r.content.size());
        around(at += 8 + r.content.size() + r.padding);
    }
    for (std::size_t at = 0; at < records.size(); at += step)
        cuts.insert(at);
    return {cuts.begin(), cuts.end()};
}

std::string pattern(std::size_t n, unsigned seed)
{
    std::string s(n, '\0');
    std::uint32_t x = seed * 2654435761u + 1;
    for (char& c : s) {
        x = x * 1664525u + 1013904223u;
        c = static_cast<char>('!' + (x >> 24) % 94);
    }
    return s;
}

std::string difference(std::string_view got, std::string_view wanted)
{
    if (got == wanted)
        return {};
    const auto at = static_cast<std::size_t>(
        std::mismatch(got.begin(), got.end(), wanted.begin(), wanted.end()).first - got.begin());
    return "byte " + std::to_string(at) + " of " + std::to_string(got.size()) + " (wanted " +
           std::to_string(wanted.size()) + "): \"" + std::string(got.substr(at, 20)) + "\" instead of \"" +
           std::string(wanted.substr(at, 20)) + '"';
}

} // namespace sluice::test
