// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/field_list.hpp>

#include "support/catch.hpp"

#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <sys/mman.h>

using sluice::field_case;
using sluice::field_list;

namespace {

std::string text_of(const field_list& list)
{
    std::string all;
    for (const sluice::field f : list)
        all.append(f.name).append("=").append(f.value).append(";");
    return all;
}

field_list make(std::initializer_list<sluice::field> fields, field_case c = field_case::sensitive)
{
    field_list list(c);
    for (const sluice::field& f : fields)
        list.add(f.name, f.value);
    return list;
}

} // namespace

TEST_CASE("field_list: keeps order and repeats")
{
    const field_list list = make({{"A", "1"}, {"B", ""}, {"A", "2"}, {"", "nameless"}});
    CHECK(list.size() == 4);
    CHECK(text_of(list) == "A=1;B=;A=2;=nameless;");
    CHECK(list[2].name == "A");
    CHECK(list[2].value == "2");
    CHECK(list.get("A") == "1");
    CHECK(list.find("A", 1) == 2);
    CHECK(list.find("A", 3) == list.size());
    CHECK(list.contains("B"));
    CHECK(list.get("B").empty());
    CHECK_FALSE(list.contains("C"));
    CHECK(list.find("") == 3);
}

TEST_CASE("field_list: an empty list")
{
    field_list list;
    CHECK(list.empty());
    CHECK(list.begin() == list.end());
    CHECK(list.find("A") == 0);
    CHECK(list.get("A").empty());
    CHECK(list.erase("A") == 0);
    CHECK(list.text_size() == 0);
}

TEST_CASE("field_list: names that look alike are told apart")
{
    // Same size, and the same letters in most places: whatever a list compares first, the whole name counts.
    const std::vector<std::string> names = {"HTTP_SEC_FETCH_DEST",
                                            "HTTP_SEC_FETCH_MODE",
                                            "HTTP_SEC_FETCH_SITE",
                                            "HTTP_SEC_FETCH_SITD",
                                            "HTTP_SEC_FETCX_SITE",
                                            "XTTP_SEC_FETCH_SITE",
                                            std::string(256, 'a'),
                                            std::string(512, 'a'),
                                            "a",
                                            "aa",
                                            ""};
    field_list list;
    for (const std::string& n : names)
        list.add(n, "value of " + n);
    for (std::size_t i = 0; i < names.size(); ++i) {
        CAPTURE(names[i]);
        CHECK(list.find(names[i]) == i);
        CHECK(list.get(names[i]) == "value of " + names[i]);
    }
}

TEST_CASE("field_list: letters' case counts or not, as asked")
{
    const field_list exact = make({{"Content-Type", "a"}});
    CHECK(exact.contains("Content-Type"));
    CHECK_FALSE(exact.contains("content-type"));

    const field_list loose = make({{"Content-Type", "a"}, {"X[", "b"}}, field_case::insensitive);
    CHECK(loose.get("cONTENT-tYPE") == "a");
    CHECK_FALSE(loose.contains("Content_Type"));
    // '[' and '{' differ by the bit that tells 'A' from 'a', and are no letters.
    CHECK(loose.contains("x["));
    CHECK_FALSE(loose.contains("X{"));
}

TEST_CASE("R16: set replaces the first and removes the others")
{
    field_list list = make({{"A", "1"}, {"B", "2"}, {"A", "3"}, {"C", "4"}, {"A", "5"}});
    list.set("A", "longer than before");
    CHECK(text_of(list) == "A=longer than before;B=2;C=4;");
    list.set("A", "");
    CHECK(text_of(list) == "A=;B=2;C=4;");
    list.set("D", "new");
    CHECK(text_of(list) == "A=;B=2;C=4;D=new;");
}

TEST_CASE("field_list: erase by name and by position")
{
    field_list list = make({{"A", "1"}, {"B", "2"}, {"A", "3"}, {"C", "4"}});
    CHECK(list.erase("A") == 2);
    CHECK(text_of(list) == "B=2;C=4;");
    list.erase_at(0);
    CHECK(text_of(list) == "C=4;");

    field_list more = make({{"0", ""}, {"1", ""}, {"2", ""}, {"3", ""}, {"4", ""}});
    CHECK(more.erase_positions([](std::size_t i) { return i % 2 == 0; }) == 3);
    CHECK(text_of(more) == "1=;3=;");
    CHECK(more.erase_positions([](std::size_t) { return false; }) == 0);
    CHECK(text_of(more) == "1=;3=;");
}

TEST_CASE("field_list: arguments may be views into the list itself")
{
    // At every size of text, so that each call meets both a buffer with room and one that has to grow.
    for (std::size_t size = 1; size < 1500; size += 7) {
        CAPTURE(size);
        field_list list;
        list.add("NAME", std::string(size, 'v'));

        list.add(list[0].name, list[0].value);
        REQUIRE(list[1].name == "NAME");
        REQUIRE(list[1].value == std::string(size, 'v'));

        list.add_adjacent(list[0].value, size / 2);
        REQUIRE(list[2].name == std::string(size / 2, 'v'));
        REQUIRE(list[2].value == std::string(size - size / 2, 'v'));

        list.add("OTHER", "");
        list.set("OTHER", list[0].value);
        REQUIRE(list.get("OTHER") == std::string(size, 'v'));

        list.set(list[0].name, list[3].name); // removes the second NAME too
        REQUIRE(list.size() == 3);
        REQUIRE(list.get("NAME") == "OTHER");

        list.set_at(0, list[0].value.substr(1)); // a part of what is overwritten
        REQUIRE(list[0].value == "THER");
        list.set("FRESH", list[0].value);
        REQUIRE(list.get("FRESH") == "THER");
        REQUIRE(list.erase(list[0].name) == 1);
        REQUIRE_FALSE(list.contains("NAME"));
    }
}

TEST_CASE("field_list: add_adjacent splits where told")
{
    field_list list;
    list.add_adjacent("NAMEvalue", 4);
    list.add_adjacent("NAME", 4);
    list.add_adjacent("value", 0);
    CHECK(text_of(list) == "NAME=value;NAME=;=value;");
    CHECK(list.get("NAME") == "value");
}

TEST_CASE("field_list: clear keeps the memory, so that a list in use again does not grow")
{
    field_list list;
    const auto fill = [&list] {
        for (int i = 0; i < 50; ++i)
            list.add("NAME_" + std::to_string(i), "some value");
    };
    fill();
    const char* const where = list[0].name.data();
    const std::string before = text_of(list);
    for (int again = 0; again < 3; ++again) {
        list.clear();
        CHECK(list.empty());
        CHECK(list.text_size() == 0);
        CHECK_FALSE(list.contains("NAME_0"));
        fill();
        CHECK(list[0].name.data() == where);
        CHECK(text_of(list) == before);
    }
}

TEST_CASE("field_list: a value set for ever does not fill the memory")
{
    field_list list = make({{"A", "x"}, {"B", "stays"}});
    for (int i = 0; i < 100000; ++i) {
        list.set("A", "x");
        list.set("A", "a value that does not fit where the short one was");
    }
    CHECK(list.text_size() < 4096);
    const std::size_t before = list.text_size();
    list.set("A", "short"); // has room where the long one was
    CHECK(list.text_size() == before);
    list.set("A", "a value that does not fit where the short one was");
    CHECK(list.get("B") == "stays");
    CHECK(list.get("A") == "a value that does not fit where the short one was");
}

TEST_CASE("field_list: text that 32-bit offsets cannot reach is refused")
{
    // 4 GiB of zero bytes that cost no memory.
    constexpr std::size_t size = std::size_t{1} << 32;
    void* const mapped = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    REQUIRE(mapped != MAP_FAILED);
    const std::string_view huge(static_cast<const char*>(mapped), size);

    field_list list = make({{"A", "1"}});
    CHECK_THROWS_AS(list.add("B", huge), std::length_error);
    CHECK_THROWS_AS(list.add(huge, "b"), std::length_error);
    CHECK_THROWS_AS(list.add(huge, huge), std::length_error);
    CHECK_THROWS_AS(list.set("A", huge), std::length_error);
    CHECK_THROWS_AS(list.add_adjacent(huge, 1), std::length_error);
    // One byte less than 2^32, but what is held already has to go into it as well.
    CHECK_THROWS_AS(list.add("B", huge.substr(1)), std::length_error);
    CHECK_THROWS_AS(list.add("", huge.substr(1)), std::length_error);
    CHECK(text_of(list) == "A=1;");
    ::munmap(mapped, size);
}

TEST_CASE("field_list: copies are independent, a moved-from list can be used again")
{
    field_list list = make({{"A", "1"}, {"B", std::string(2000, 'b')}});
    field_list copy = list;
    copy.set("A", "changed");
    CHECK(list.get("A") == "1");
    CHECK(copy.get("A") == "changed");

    field_list moved = std::move(list);
    CHECK(moved.get("A") == "1");
    list.clear(); // NOLINT(bugprone-use-after-move): that is the question
    list.add("C", "3");
    CHECK(text_of(list) == "C=3;");

    field_list again = std::move(moved);
    moved.add("D", "4"); // NOLINT(bugprone-use-after-move): not even cleared
    CHECK(moved.get("D") == "4");
    CHECK(again.get("A") == "1");
}

TEST_CASE("field_list: does what a vector of pairs does")
{
    std::mt19937 random(20260101);
    const auto pick = [&random](std::size_t n) { return static_cast<std::size_t>(random() % n); };

    for (const field_case c : {field_case::sensitive, field_case::insensitive}) {
        field_list list(c);
        std::vector<std::pair<std::string, std::string>> model;
        const auto drop_others = [&model](const std::string& name, std::size_t from) {
            for (std::size_t i = from; i < model.size();) {
                if (model[i].first == name)
                    model.erase(model.begin() + static_cast<std::ptrdiff_t>(i));
                else
                    ++i;
            }
        };
        for (int step = 0; step < 20000; ++step) {
            const std::string name = "NAME_" + std::to_string(pick(12));
            const std::string value(pick(60), static_cast<char>('a' + step % 26));
            switch (pick(16)) {
            case 0:
                drop_others(name, 0);
                list.erase(name);
                break;
            case 1:
                if (!model.empty()) {
                    const std::size_t i = pick(model.size());
                    model.erase(model.begin() + static_cast<std::ptrdiff_t>(i));
                    list.erase_at(i);
                }
                break;
            case 2:
                if (pick(50) == 0) {
                    model.clear();
                    list.clear();
                }
                break;
            case 3:
            case 4:
            case 5:
            case 6: {
                std::size_t i = 0;
                while (i < model.size() && model[i].first != name)
                    ++i;
                if (i < model.size()) {
                    model[i].second = value;
                    drop_others(name, i + 1);
                } else {
                    model.emplace_back(name, value);
                }
                list.set(name, value);
                break;
            }
            case 7:
                if (!model.empty()) {
                    const std::size_t i = pick(model.size());
                    model[i].second = value;
                    list.set_at(i, value);
                }
                break;
            default:
                if (model.size() < 100) {
                    model.emplace_back(name, value);
                    list.add(name, value);
                }
                break;
            }
            REQUIRE(list.size() == model.size());
            for (std::size_t i = 0; i < model.size(); ++i) {
                REQUIRE(list[i].name == model[i].first);
                REQUIRE(list[i].value == model[i].second);
            }
        }
    }
}
