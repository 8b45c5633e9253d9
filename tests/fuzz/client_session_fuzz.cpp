// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// A FastCGI connection on the web server's side: whatever the app sends, the kernel takes and the caller asks for.
//
// An input is a script: the limits in one byte, then steps, a byte each with what belongs to it.
#include "fuzz/client_model.hpp"
#include "fuzz/fuzz.hpp"

#include <sluice/fcgi/errc.hpp>

#include <vector>

using namespace sluice;
using namespace sluice::fuzz;
using fcgi::record_type;
using kind = fcgi::client_event::kind;
using machine = fcgi::client_session;

namespace {

constexpr std::size_t most_in = 200'000, most_out = 200'000; // each run is short

std::string_view text_of(std::span<const std::byte> bytes)
{
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string bytes_of(std::size_t n, unsigned seed)
{
    static const std::string all = test::pattern(65521 + 256);
    return all.substr(seed % 256, n);
}

fcgi::client_limits limits_of(unsigned choice)
{
    constexpr std::size_t outputs[] = {512, 600, 4096, 65536}, contents[] = {1, 100, 5000, 65535};
    fcgi::client_limits l;
    l.output = outputs[choice & 3];
    l.record_content = contents[choice >> 2 & 3];
    l.requests = (choice & 16) != 0 ? 2 : 65535;
    l.params_bytes = (choice & 32) != 0 ? 100 : 100'000;
    l.values_bytes = (choice & 64) != 0 ? 40 : 1024;
    return l;
}

class script {
public:
    script(input& in, unsigned choice) : in_(in), limits_(limits_of(choice)), model_(limits_) {}

    void run();

private:
    id_type id() { return static_cast<id_type>(in_.byte() % 5); }
    /// Up to 63 KiB, small ones in single bytes.
    std::size_t size(std::size_t& left)
    {
        const std::size_t b = in_.byte();
        const auto n = std::min(left, b < 128 ? b : b < 192 ? (b - 128) * 64 : (b - 192) * 1024);
        left -= n;
        return n;
    }
    std::string content() { return bytes_of(size(left_in_), in_.byte()); }
    static record_type stream_of(unsigned b)
    {
        return (b & 1) != 0 ? record_type::data : record_type::stdin_stream;
    }

    bool app_step(unsigned what);
    bool client_step(unsigned what);
    void start();
    void write();
    void get_values();
    void kernel_takes(std::size_t n);
    void receives(std::string_view bytes);
    void check();

    input& in_;
    fcgi::client_limits limits_;
    client_model model_;
    std::vector<fcgi::record_header> traced_;
    machine machine_{limits_, [this](bool incoming, const fcgi::record_header& h) {
                         if (!incoming)
                             traced_.push_back(h);
                     }};
    std::vector<client_happening> happened_;
    std::string sent_;
    std::size_t left_in_ = most_in, left_out_ = most_out;
    std::size_t cut_ = 0; ///< 0: uncut
    unsigned serial_ = 0;
};

void script::run()
{
    while (!in_.done() && !model_.must_fail()) {
        const auto what = in_.byte() % 20u;
        if (!app_step(what))
            client_step(what);
        check();
    }
    kernel_takes(most_out * 2);
    must(machine_.output().empty(), "all there is to send was given");
    must(sent_ == model_.framed, "bytes out: the records of all calls, in order");
    must(test::parse_records(sent_).all.size() == traced_.size(), "each record is told of");
    if (model_.must_fail())
        return;
    const auto ec = machine_.end_of_input();
    const auto expected = model_.at_end();
    must(expected ? ec == make_error_code(*expected) : !ec, "what an end of the connection means");
}

bool script::app_step(unsigned what)
{
    std::string bytes;
    switch (what) {
    case 0: bytes = test::records(6, id(), content(), 1 + in_.byte() * 64u, in_.byte() % 9u); break;
    case 1: bytes = test::record(6, id(), {}); break;
    case 2: bytes = test::records(7, id(), content(), 65535, 3); break;
    case 3: bytes = test::record(7, id(), {}); break;
    case 4: {
        const auto number = id();
        bytes = test::record(3, number,
                             {std::string(3, '\0') + static_cast<char>(in_.byte()) +
                              static_cast<char>(in_.byte() % 5) + "abc"});
        break;
    }
    case 5: {
        const auto number = id();
        bytes = test::record(6, number, content()) + test::record(6, number, {}) +
                test::record(3, number, std::string(8, '\0'));
        break;
    }
    case 6: {
        const auto value = in_.bytes(in_.byte() % 64u);
        bytes = test::record(10, 0, test::name_values({{"FCGI_MAX_CONNS", "1"}, {"X", std::string(value)}}));
        break;
    }
    case 7: bytes = test::record(11, 0, {std::string(1, static_cast<char>(in_.byte())) + "1234567"}); break;
    case 8: {
        const auto type = in_.byte();
        const auto number = id();
        bytes = test::record(type, number, in_.bytes(in_.byte()), type % 9u);
        break;
    }
    case 9: bytes = in_.bytes(in_.byte()); break;
    default: return false;
    }
    receives(bytes);
    return true;
}

bool script::client_step(unsigned what)
{
    switch (what) {
    case 10: start(); break;
    case 11:
    case 12: write(); break;
    case 13: {
        const auto number = id();
        const auto stream = stream_of(in_.byte());
        machine_.finish(number, stream);
        model_.finish(number, stream);
        break;
    }
    case 14: {
        const auto number = id();
        must(machine_.abort(number) == model_.abort(number), "what runs can be aborted, once");
        break;
    }
    case 15: get_values(); break;
    case 16: cut_ = in_.byte(); break;
    case 17: kernel_takes(in_.byte()); break;
    case 18: kernel_takes(most_out); break;
    default: return false;
    }
    return true;
}

void script::start()
{
    const auto how = in_.byte();
    test::pairs params{{"SERIAL", std::to_string(++serial_)}};
    for (unsigned i = 0; i < (how >> 4 & 3u); ++i)
        params.emplace_back(i == 2 && (how & 0x80) != 0 ? "" : "NAME", bytes_of(size(left_out_), i));
    if (!machine_.can_start())
        return;
    fcgi::client_request request;
    request.role = static_cast<role>(1 + how % 3);
    request.keep = (how & 4) == 0;
    std::size_t needed = 0;
    bool bad = false;
    for (const auto& [name, value] : params) {
        request.params.add(name, value);
        bad |= name.empty() || needed + name.size() + value.size() + 8 > limits_.params_bytes;
        needed += test::name_values({{name, value}}).size();
    }
    id_type number = 0;
    const auto ec = machine_.start(request, number);
    must(ec.failed() == bad, "a request is begun when its params may be sent");
    if (ec)
        return;
    must(number > 0 && number <= limits_.requests && !model_.taken(number), "an id that nobody has");
    model_.start(number, 1 + how % 3, request.keep, params);
}

void script::write()
{
    const auto number = id();
    const auto stream = stream_of(in_.byte());
    const auto bytes = bytes_of(size(left_out_), ++serial_);
    constexpr std::size_t overhead = 15, least = 256;
    const auto room = model_.room();
    const bool takes = model_.accepts(number, stream);
    const std::vector<char> own(bytes.begin(), bytes.end()); // a sanitizer sees what is read past it
    const auto n = machine_.write(number, std::as_bytes(std::span(own)), stream);
    must(n <= std::min(bytes.size(), limits_.record_content), "one record, of what was given");
    must(takes || n == 0, "nothing is taken of a stream whose turn it is not");
    const bool must_take = takes && !bytes.empty() && room >= std::min(least, bytes.size() + overhead);
    must((n > 0) == must_take, "something is taken where there is room");
    if (n > 0)
        model_.wrote(number, stream, std::string_view(bytes).substr(0, n));
    must(n == 0 || model_.framed.size() - model_.sent <= limits_.output, "no more than the limit waits");
}

void script::get_values()
{
    std::vector<std::string> names;
    for (int i = in_.byte() % 4; i > 0; --i)
        names.push_back("NAME" + std::to_string(in_.byte()));
    const std::vector<std::string_view> views(names.begin(), names.end());
    must(machine_.get_values(views) == model_.get_values(names), "one question at a time");
}

void script::kernel_takes(std::size_t n)
{
    for (;;) {
        const auto offered = machine_.output();
        const auto part = offered.first(std::min(n, offered.size()));
        if (part.empty())
            return;
        sent_ += text_of(part);
        model_.sent += part.size();
        n -= part.size();
        machine_.sent(part.size());
        must(text_of(machine_.output()) ==
                 std::string_view(model_.framed).substr(model_.sent, machine_.output().size()),
             "what waits to be sent is what comes next");
    }
}

void script::receives(std::string_view bytes)
{
    cuts pieces(cut_ == 0 ? std::string_view() : std::string_view(reinterpret_cast<const char*>(&cut_), 1));
    while (!bytes.empty() && !model_.must_fail()) {
        const auto piece = pieces.next(bytes);
        const std::vector<char> own(piece.begin(), piece.end());
        auto rest = std::as_bytes(std::span(own));
        model_.arrives(piece);
        fcgi::client_event e;
        error_code ec;
        auto result = machine::result::need_more;
        while ((result = machine_.next(rest, e, ec)) == machine::result::have_event) {
            const bool is_stream = e.what == kind::out || e.what == kind::errors;
            must(is_stream == !e.content.empty(), "content, and no end by chance");
            const bool is_end = e.what == kind::ended;
            note({e.what, e.id, std::string(text_of(e.content)), is_end ? e.app_status : 0,
                  is_end ? static_cast<unsigned>(e.protocol_status) : 0, is_end && e.out_ended},
                 happened_);
        }
        const bool failed = result == machine::result::failed;
        must(failed == model_.must_fail(),
             "a breach of the protocol costs the connection, and nothing else does");
        must(failed ? ec.category() == fcgi::fcgi_category() : rest.empty(),
             "all is read, or the fault named");
    }
}

void script::check()
{
    must(happened_ == model_.happened, "bytes in: the events of what the app sent, in order");
    happened_.clear(); // a stream that goes on is compared piece by piece
    model_.happened.clear();
    if (model_.must_fail())
        return;
    must(machine_.room() == model_.room(), "what waits is counted");
    must(machine_.active() == model_.active() && machine_.reusable() == model_.reusable() &&
             machine_.can_start() == model_.can_start(),
         "requests that have not ended are counted");
    for (id_type i = 0; i < 6; ++i) {
        must(machine_.running(i) == model_.running(i), "a request runs until its END_REQUEST");
        for (const auto stream : {record_type::stdin_stream, record_type::data})
            must(machine_.accepts(i, stream) == model_.accepts(i, stream), "STDIN, then a filter's DATA");
    }
    test::pairs values;
    for (const auto& [name, value] : machine_.values())
        values.emplace_back(name, value);
    must(!model_.answered() || values == model_.values(), "the values that were answered");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    input in(data, size);
    script(in, in.byte()).run();
    return 0;
}
