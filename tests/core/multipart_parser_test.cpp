// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/multipart_parser.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

using namespace sluice;
using namespace std::string_literals;

namespace {

using event = multipart_parser::event;

struct got_part {
    std::string name, filename, type, data;
    bool is_file = false, ended = false;
    bool operator==(const got_part&) const = default;
};

struct reading {
    std::vector<got_part> parts;
    error_code ec;
    std::string fault;
    bool operator==(const reading&) const = default;
};

reading read(std::initializer_list<std::string_view> pieces, const form_limits& l = {},
             std::string_view boundary = "XX")
{
    multipart_parser parser(boundary, l);
    reading got;
    event e = event::need_more;
    for (auto piece : pieces) {
        const std::string own(piece); // so that a sanitizer sees what is kept of it
        piece = own;
        while ((e = parser.next(piece)) != event::need_more && e != event::done && e != event::failed) {
            const auto& p = parser.part();
            if (e == event::part_begin)
                got.parts.push_back({p.name, p.filename.value_or(""), p.content_type, "", p.is_file()});
            else if (e == event::part_data)
                got.parts.back().data += parser.data();
            else
                got.parts.back().ended = true;
        }
        CHECK((piece.empty() || e == event::failed));
    }
    e = parser.finish();
    CHECK((e == event::failed) == parser.error().failed());
    CHECK((e == event::failed || e == event::done));
    CHECK(parser.finish() == e);
    got.ec = parser.error();
    got.fault = parser.fault();
    return got;
}

std::string field_part(std::string_view name, std::string_view data)
{
    return "Content-Disposition: form-data; name=\"" + std::string(name) + "\"\r\n\r\n" + std::string(data);
}

got_part is_field(std::string name, std::string data)
{
    return {std::move(name), "", "", std::move(data), false, true};
}

const std::string whole = "--XX\r\n" + field_part("a", "1") + "\r\n--XX\r\n" +
                          "Content-Disposition: form-data; name=\"f\"; filename=\"x.txt\"\r\n"
                          "Content-Type: text/plain\r\n\r\n"
                          "\r\n--X\r\n-\r\r\n--\r\n\r\n--XX--\r\n";

} // namespace

TEST_CASE("multipart: a form is the same wherever it is cut")
{
    const std::vector<got_part> expected = {
        is_field("a", "1"), {"f", "x.txt", "text/plain", "\r\n--X\r\n-\r\r\n--\r\n", true, true}};
    const std::string_view w(whole);
    for (std::size_t i = 0; i <= w.size(); ++i) {
        for (std::size_t j = i; j <= std::min(i + 12, w.size()); ++j) { // longer than a delimiter
            const auto got = read({w.substr(0, i), w.substr(i, j - i), w.substr(j)});
            if (got.ec || got.parts != expected) {
                CAPTURE(i, j, got.fault);
                FAIL("cut so it is something else");
            }
        }
    }
    const auto one_by_one = [&] {
        multipart_parser parser("XX", {});
        std::string data;
        for (const char c : w) {
            std::string_view piece(&c, 1);
            for (event e; (e = parser.next(piece)) != event::need_more && e != event::done;)
                data += e == event::part_data ? parser.data() : "";
        }
        return data;
    };
    CHECK(one_by_one() == "1\r\n--X\r\n-\r\r\n--\r\n");
}

TEST_CASE("R19: a form that is cut off at any byte is an error, and not a form")
{
    const auto last = whole.size() - 2; // the line end behind it may be missing
    for (std::size_t n = 0; n < last; ++n) {
        const auto got = read({std::string_view(whole).substr(0, n)});
        CAPTURE(n);
        CHECK(got.ec == errc::body_incomplete);
        CHECK_THAT(got.fault, Catch::Contains("the form ends before its"));
    }
    CHECK_FALSE(read({std::string_view(whole).substr(0, last)}).ec);
}

TEST_CASE("multipart: what belongs to a form and what does not")
{
    struct row {
        const char* what;
        std::string body;
        std::vector<got_part> parts;
    };
    const row rows[] = {
        {"nothing", "--XX--", {}},
        {"preamble and epilogue",
         "pre\r\namble\r\n--XX\r\n" + field_part("a", "1") + "\r\n--XX--\r\nepi\r\n--XX\r\nlogue",
         {is_field("a", "1")}},
        {"blanks behind a boundary",
         "--XX \t \r\n" + field_part("a", "1") + "\r\n--XX--",
         {is_field("a", "1")}},
        {"empty", "--XX\r\n" + field_part("a", "") + "\r\n--XX--", {is_field("a", "")}},
        {"empty, without its line end", "--XX\r\n" + field_part("a", "") + "--XX--", {is_field("a", "")}},
        {"line ends are data",
         "--XX\r\n" + field_part("a", "\r\n\r\n") + "\r\n--XX--",
         {is_field("a", "\r\n\r\n")}},
        {"nearly a boundary", "--XX\r\n" + field_part("a", "--XX\n--XX\r--XX") + "\r\n--XX--", {}},
        {"any bytes",
         "--XX\r\n" + field_part("a", "\0\xff\r\0"s) + "\r\n--XX--",
         {is_field("a", "\0\xff\r\0"s)}},
        {"a name twice",
         "--XX\r\n" + field_part("a", "1") + "\r\n--XX\r\n" + field_part("a", "2") + "\r\n--XX--",
         {is_field("a", "1"), is_field("a", "2")}},
        {"headers in any case, in any order",
         "--XX\r\nCONTENT-TYPE:x/y\r\ncontent-disposition:\tFORM-DATA;NAME=a;FileName=b \r\nX: "
         "y\r\n\r\n1\r\n--XX--",
         {{"a", "b", "x/y", "1", true, true}}},
    };
    for (const auto& r : rows) {
        CAPTURE(r.what);
        const auto got = read({r.body});
        if (std::string_view(r.what) == "nearly a boundary") {
            // At the beginning of the content it is one: the line end before it is the head's.
            CHECK(got.ec == errc::bad_form);
            continue;
        }
        CHECK(got.fault.empty());
        CHECK(got.parts == r.parts);
    }
}

TEST_CASE("multipart: names as browsers and curl encode them")
{
    struct row {
        std::string parameters;
        std::string name, filename;
    };
    const row rows[] = {
        {R"(name="a"; filename="b")", "a", "b"},
        {R"(name="a"; filename="")", "a", ""},
        {R"(name="a%22b"; filename="%22x%22%0D%0a.txt")", "a\"b", "\"x\"\r\n.txt"}, // WHATWG
        {R"(name="a"; filename="100%25%41%2")", "a", "100%25%41%2"},                // and no other %
        {R"(name="a\"b"; filename="x\\y\"")", "a\"b", "x\\y\""},                    // curl before 7.81
        {R"(name="a"; filename="C:\docs\b.txt")", "a", R"(C:\docs\b.txt)"},         // old browsers
        {R"(name="a"; filename="../../etc/passwd")", "a", "../../etc/passwd"},
        {"name=\"a\"; filename=\"caf\xc3\xa9.txt\"", "a", "caf\xc3\xa9.txt"},
        {R"(name="a;b=\"c\""; filename="x;y=z")", "a;b=\"c\"", "x;y=z"},
        {R"(name="a"; filename="b"; filename*=UTF-8''evil.txt)", "a", "b"},
        {R"(name=a; filename=b)", "a", "b"},
        {R"(name="a" ; ;filename = "b")", "", ""}, // a space before `=`
        {R"(name=""; filename="b")", "", "b"},
    };
    for (const auto& r : rows) {
        CAPTURE(r.parameters);
        const auto got =
            read({"--XX\r\nContent-Disposition: form-data; " + r.parameters + "\r\n\r\n\r\n--XX--"});
        if (r.name.empty() && r.filename.empty()) {
            CHECK(got.ec == errc::bad_form);
            continue;
        }
        REQUIRE(got.parts.size() == 1);
        CHECK(got.parts[0].name == r.name);
        CHECK(got.parts[0].filename == r.filename);
        CHECK(got.parts[0].is_file);
    }
}

TEST_CASE("multipart: what is malformed is refused, with words, wherever it is cut")
{
    const auto head = [](std::string_view lines) {
        return "--XX\r\n" + std::string(lines) + "\r\n\r\n1\r\n--XX--";
    };
    const std::string name = "Content-Disposition: form-data; name=\"a\"";
    struct row {
        const char* what;
        std::string body;
        errc code;
        const char* words;
    };
    const row rows[] = {
        {"no form", "a=1&b=2", errc::body_incomplete, "before its first part"},
        {"LF alone", "--XX\n" + name + "\n\n1\n--XX--", errc::bad_form, "behind a boundary"},
        {"LF alone in the head", head(name + "\nX: y"), errc::bad_form, "does not end in CR LF"},
        {"a longer boundary", "--XXY\r\n", errc::bad_form, "behind a boundary"},
        {"one dash", "--XX-\r\n", errc::bad_form, "behind a boundary"},
        {"blanks before dashes", "--XX --\r\n", errc::bad_form, "behind a boundary"},
        {"CR without LF", "--XX\rX", errc::bad_form, "behind a boundary"},
        {"no head", "--XX\r\n\r\n1\r\n--XX--", errc::bad_form, "no Content-Disposition"},
        {"no disposition", head("Content-Type: text/plain"), errc::bad_form, "no Content-Disposition"},
        {"another disposition", head("Content-Disposition: attachment; name=\"a\""), errc::bad_form,
         "form-data"},
        {"no name", head("Content-Disposition: form-data; filename=\"a\""), errc::bad_form, "with a name"},
        {"no end of a quote", head("Content-Disposition: form-data; name=\"a"), errc::bad_form,
         "with a name"},
        {"text behind a quote", head("Content-Disposition: form-data; name=\"a\"b"), errc::bad_form, "name"},
        {"name twice", head(name + "; name=\"b\""), errc::bad_form, "with a name"},
        {"disposition twice", head(name + "\r\n" + name), errc::bad_form, "comes twice"},
        {"type twice", head(name + "\r\nContent-Type: a/b\r\ncontent-type: c/d"), errc::bad_form,
         "comes twice"},
        {"folded", head(name + ";\r\n filename=\"x\""), errc::bad_form, "no header line"},
        {"no colon", head(name + "\r\nX"), errc::bad_form, "no header line"},
        {"no token", head(name + "\r\nX Y: z"), errc::bad_form, "no header line"},
        {"NUL", head(name + "\r\nX: \0"s), errc::bad_form, "a control character"},
        {"CR", head(name + "\r\nX: \ry"), errc::bad_form, "a control character"},
        {"many parameters", head(name + ";a=1;b=1;c=1;d=1;e=1;f=1;g=1;h=1;i=1;j=1;k=1;l=1;m=1;n=1;o=1;p=1"),
         errc::bad_form, "with a name"},
        {"an encoding", head(name + "\r\nContent-Transfer-Encoding: base64"), errc::unsupported_form,
         "base64"},
    };
    for (const auto& r : rows) {
        CAPTURE(r.what);
        const std::string_view b(r.body);
        const auto at_once = read({b});
        CHECK(at_once.ec == r.code);
        CHECK_THAT(at_once.fault, Catch::Contains(r.words));
        for (std::size_t i = 0; i <= b.size(); ++i)
            CHECK(read({b.substr(0, i), b.substr(i)}) == at_once);
    }
}

TEST_CASE("multipart: each limit is passed at the same byte, wherever the form is cut")
{
    form_limits l;
    l.parts = 2;
    l.part_head = 70;
    l.part_fields = 3;
    l.field = 8;
    l.fields = 12;
    l.file = 6;
    l.body = 300;
    const auto form = [](std::initializer_list<std::string> parts) {
        std::string all;
        for (const auto& p : parts)
            all += "\r\n--XX\r\n" + p;
        return all.substr(2) + "\r\n--XX--";
    };
    const auto file_part = [](std::string_view data) {
        return "Content-Disposition: form-data; name=f; filename=g\r\n\r\n" + std::string(data);
    };
    struct row {
        std::string body;
        const char* limit; // "" within the limits
        std::string data;
    };
    const row rows[] = {
        {form({field_part("a", "1234567")}), "", "1234567"},
        {form({field_part("a", "12345678")}), "::field)", "1234567"},
        {form({field_part("123456789", "")}), "::field)", ""},
        {form({field_part("a", "1234567"), field_part("b", "123")}), "", "1234567123"},
        {form({field_part("a", "1234567"), field_part("b", "1234")}), "::fields)", "1234567123"},
        {form({file_part("123456"), file_part("123456")}), "", "123456123456"},
        {form({file_part("1234\r\n7")}), "::file)", "1234\r\n"},
        {form({"X: " + std::string(70, 'y') + "\r\n" + field_part("a", "1")}), "::part_head)", ""},
        {form({"a:\r\nb:\r\nc:\r\nd:\r\n\r\n"}), "::part_fields)", ""},
        {form({field_part("a", ""), field_part("b", ""), field_part("c", "")}), "::parts)", ""},
        {std::string(301, '-'), "::body)", ""},
        {std::string(250, '-') + "\r\n" + form({field_part("a", "1")}), "::body)", ""},
        {"--XX" + std::string(71, ' '), "::part_head)", ""},
        {form({file_part("123456"), file_part("123456")}) + std::string(500, 'x'), "",
         "123456123456"}, // behind the end
    };
    for (const auto& r : rows) {
        CAPTURE(r.body);
        const std::string_view b(r.body);
        const auto at_once = read({b}, l);
        CHECK((at_once.ec == errc::body_too_large) == (*r.limit != '\0'));
        CHECK_THAT(at_once.fault, Catch::Contains(r.limit));
        std::string data;
        for (const auto& p : at_once.parts)
            data += p.data;
        CHECK(data == r.data);
        for (std::size_t i = 0; i <= b.size(); ++i)
            CHECK(read({b.substr(0, i), b.substr(i)}, l) == at_once);
    }
}

TEST_CASE("boundary_of: the boundary in a Content-Type, or nothing")
{
    const std::pair<const char*, const char*> rows[] = {
        {"multipart/form-data; boundary=----WebKitFormBoundaryAbc123", "----WebKitFormBoundaryAbc123"},
        {"Multipart/Form-Data ; charset=x; BOUNDARY=\"a b'()+_,-./:=?c\"", "a b'()+_,-./:=?c"},
        {"multipart/form-data;boundary=x;", "x"},
        {"multipart/form-data", ""},
        {"multipart/form-data; boundary=", ""},
        {"multipart/form-data; boundary=\"\"", ""},
        {"multipart/form-data; boundary=\"a \"", ""},
        {"multipart/form-data; boundary=a; boundary=b", ""},
        {"multipart/form-data; boundary=a\xc3\xa9", ""},
        {"multipart/form-data; boundary=\"a\rb\"", ""},
        {"multipart/form-data; boundary=a<b", ""},
        {"multipart/form-data; "
         "boundary=12345678901234567890123456789012345678901234567890123456789012345678901",
         ""},
        {"multipart/mixed; boundary=a", ""},
        {"", ""},
    };
    for (const auto& [type, boundary] : rows) {
        CAPTURE(type);
        CHECK(boundary_of(type).value_or("") == boundary);
    }
    const std::string longest(70, 'b');
    CHECK(boundary_of("multipart/form-data; boundary=" + longest) == longest);
    const auto got =
        read({"--" + longest + "\r\n" + field_part("a", "1") + "\r\n--" + longest + "--"}, {}, longest);
    CHECK(got.parts == std::vector{is_field("a", "1")});
}

TEST_CASE("safe_file_name: no path, nothing hidden, nothing that cannot be a name")
{
    const std::pair<std::string, std::string> rows[] = {
        {"a.txt", "a.txt"},
        {"../../etc/passwd", "passwd"},
        {R"(C:\docs\a b.txt)", "a b.txt"},
        {"/", "file"},
        {"", "file"},
        {"..", "file"},
        {".htaccess", "htaccess"},
        {" . a . ", "a"},
        {"a\r\nb\0c"s, "abc"},
        {"a:b*c?\"<>|", "a_b_c_____"},
        {"caf\xc3\xa9", "caf\xc3\xa9"},
        {std::string(119, 'a') + "\xc3\xa9", std::string(119, 'a')},
        {std::string(300, 'a'), std::string(120, 'a')},
    };
    for (const auto& [given, expected] : rows) {
        CAPTURE(given);
        CHECK(safe_file_name(given) == expected);
    }
}
