#include "config/rule.h"

#include <gtest/gtest.h>

#include <array>

namespace ringgate::config {
namespace {

using Shape = RawValue::Shape;

RawValue text(std::string value) { return {Shape::text, std::move(value), {}}; }
RawValue untyped(std::string value) { return {Shape::untyped, std::move(value), {}}; }
RawValue integer(std::string value) { return {Shape::integer, std::move(value), {}}; }

constexpr SizeRule any_size{0, UINT64_MAX};
constexpr DurationRule any_duration{0, UINT64_MAX, Off::allowed};
constexpr CountRule small_count{1, 10};

struct Quantity {
  const char* text;
  std::uint64_t value;
};

TEST(SizeRule, KnowsEveryUnit) {
  for (const auto& [written, bytes] : {Quantity{"7B", 7}, Quantity{"7kB", 7'000}, Quantity{"7MB", 7'000'000},
                                       Quantity{"7KiB", 7'168}, Quantity{"7MiB", 7'340'032}, Quantity{"7GiB", 7'516'192'768}}) {
    EXPECT_EQ(read(any_size, text(written)).value(), bytes) << written;
    EXPECT_EQ(read(any_size, untyped(written)).value(), bytes) << written;
  }
}

TEST(SizeRule, RefusesWhatIsNoSize) {
  for (const char* bad : {"", "7", "B", "KiB", "7 KiB", " 7KiB", "7KiB ", "7kib", "7K", "-7B", "+7B", "7.5MiB", "0x7B", "7GB",
                          "off", "99999999999999999999B", "18446744073709551615KiB"}) {
    EXPECT_FALSE(read(any_size, text(bad)).has_value()) << bad;
  }
  EXPECT_EQ(read(any_size, text("7")).error().cause, "\"7\" has no unit");
  EXPECT_FALSE(read(any_size, integer("7")).has_value());
  EXPECT_FALSE(read(any_size, {Shape::boolean, "true", {}}).has_value());
  EXPECT_FALSE(read(any_size, {Shape::list, "", {"7B"}}).has_value());
}

TEST(SizeRule, KeepsItsBounds) {
  const SizeRule rule{1024, 4096, true};
  EXPECT_TRUE(read(rule, text("1KiB")).has_value());
  EXPECT_TRUE(read(rule, text("4KiB")).has_value());
  EXPECT_EQ(read(rule, text("1023B")).error().cause, "\"1023B\" is out of range");
  EXPECT_EQ(read(rule, text("4097B")).error().remedy, "write a size from 1KiB to 4KiB, a power of two, with a unit");
  EXPECT_EQ(read(rule, text("3KiB")).error().cause, "\"3KiB\" is not a power of two");
}

TEST(SizeRule, PrintsTheLargestUnitThatDivides) {
  EXPECT_EQ(print(any_size, 0), "\"0B\"");
  EXPECT_EQ(print(any_size, 1U << 30U), "\"1GiB\"");
  EXPECT_EQ(print(any_size, 262'144), "\"256KiB\"");
  EXPECT_EQ(print(any_size, 3'000'000), "\"3MB\"");
  EXPECT_EQ(print(any_size, 1'001), "\"1001B\"");
}

TEST(DurationRule, KnowsEveryUnitAndOff) {
  for (const auto& [written, nanoseconds] :
       {Quantity{"7ns", 7}, Quantity{"7us", 7'000}, Quantity{"7ms", 7'000'000}, Quantity{"7s", 7'000'000'000},
        Quantity{"7m", 420'000'000'000}, Quantity{"7h", 25'200'000'000'000}, Quantity{"off", 0}}) {
    EXPECT_EQ(read(any_duration, text(written)).value(), nanoseconds) << written;
    EXPECT_EQ(print(any_duration, nanoseconds), '"' + std::string(written) + '"');
  }
}

TEST(DurationRule, RefusesZeroAndOffWhereTheyWouldMeanForEver) {
  const DurationRule deadline{1'000, 2'000, Off::refused};
  EXPECT_EQ(read(deadline, text("0s")).error().cause, "\"0s\" is out of range");
  EXPECT_EQ(read(deadline, text("off")).error().cause, "\"off\" is refused here");
  EXPECT_EQ(read({1'000, 2'000, Off::allowed}, text("0ns")).error().remedy,
            "write a duration from 1us to 2us, with a unit, or \"off\"");
  EXPECT_FALSE(read(any_duration, text("1m30s")).has_value());
  EXPECT_FALSE(read(any_duration, text("6000000h")).has_value()) << "more than 64 bits of nanoseconds";
}

TEST(CountRule, TakesBareNumbersWithinItsBounds) {
  EXPECT_EQ(read(small_count, integer("1")).value(), 1U);
  EXPECT_EQ(read(small_count, untyped("10")).value(), 10U);
  for (const char* bad : {"0", "11", "-1", "99999999999999999999", "", "1x", "1.5", " 1"}) {
    EXPECT_FALSE(read(small_count, untyped(bad)).has_value()) << bad;
  }
  EXPECT_EQ(read(small_count, text("1")).error().cause, "\"1\" is a text");
  EXPECT_EQ(read(small_count, integer("-1")).error().cause, "-1 is out of range");
}

TEST(CountRule, TakesWordsWhereTheyHaveAMeaning) {
  const CountRule limit{1, 10, false, Off::allowed};
  const CountRule of_a_route{1, 10, false, Off::or_inherit};
  EXPECT_EQ(read(limit, text("off")).value(), 0U);
  EXPECT_EQ(read(limit, untyped("off")).value(), 0U);
  EXPECT_EQ(print(limit, 0), "\"off\"");
  EXPECT_FALSE(read(limit, untyped("0")).has_value()) << "zero is no way to say off";
  EXPECT_FALSE(read(limit, text("inherit")).has_value());
  EXPECT_FALSE(read(small_count, text("off")).has_value());
  EXPECT_EQ(read(of_a_route, text("inherit")).value(), inherited);
  EXPECT_EQ(read(of_a_route, text("off")).value(), 0U);
  EXPECT_EQ(print(of_a_route, inherited), "\"inherit\"");
  EXPECT_TRUE(check(of_a_route, inherited).has_value());
  EXPECT_FALSE(check(limit, inherited).has_value());
  EXPECT_EQ(read(of_a_route, text("never")).error().remedy, "write a number from 1 to 10, or \"off\" or \"inherit\"");
}

TEST(SizeRule, TakesWordsWhereTheyHaveAMeaning) {
  const SizeRule of_a_route{1024, 4096, false, Off::or_inherit};
  EXPECT_EQ(read(of_a_route, text("off")).value(), 0U);
  EXPECT_EQ(read(of_a_route, untyped("inherit")).value(), inherited);
  EXPECT_EQ(read(of_a_route, text("2KiB")).value(), 2048U);
  EXPECT_EQ(print(of_a_route, 0), "\"off\"");
  EXPECT_EQ(print(of_a_route, inherited), "\"inherit\"");
  EXPECT_FALSE(read(of_a_route, text("0B")).has_value());
}

TEST(FlagRule, TakesTrueAndFalseOnly) {
  EXPECT_TRUE(read(FlagRule{}, {Shape::boolean, "true", {}}).value());
  EXPECT_FALSE(read(FlagRule{}, untyped("false")).value());
  EXPECT_FALSE(read(FlagRule{}, untyped("yes")).has_value());
  EXPECT_FALSE(read(FlagRule{}, text("true")).has_value());
}

TEST(WordRule, NamesTheWordsWhenNoneFits) {
  static constexpr std::array<std::string_view, 2> words{"auto", "off"};
  const WordRule rule{words};
  EXPECT_EQ(read(rule, text("off")).value(), 1U);
  EXPECT_EQ(read(rule, text("Off")).error().cause, "\"Off\" is none of the words");
  EXPECT_EQ(read(rule, text("")).error().remedy, "write one of \"auto\", \"off\"");
}

TEST(ListRule, SplitsUntypedTextAtCommas) {
  const ListRule rule{{[](std::string_view item) { return item.starts_with("a"); }, "a word with a"}, 1, 3};
  EXPECT_EQ(read(rule, untyped("a1,a2")).value(), (std::vector<std::string>{"a1", "a2"}));
  EXPECT_EQ(read(rule, {Shape::list, "", {"a1"}}).value(), std::vector<std::string>{"a1"});
  EXPECT_EQ(read(rule, untyped("a1,b")).error().cause, "\"b\" does not fit");
  EXPECT_EQ(read(rule, untyped("a1,a1")).error().cause, "\"a1\" is there twice");
  EXPECT_EQ(read(rule, untyped("")).error().cause, "0 items are out of range");
  EXPECT_FALSE(read(rule, untyped("a1,a2,a3,a4")).has_value());
  EXPECT_FALSE(read(rule, text("a1")).has_value());
}

TEST(CpuListRule, ReadsWhatItPrints) {
  for (const char* list : {"0", "0,2-3", "5-7,1", "1023", "all"}) {
    const auto cpus = read(CpuListRule{}, text(list));
    ASSERT_TRUE(cpus.has_value()) << list;
    EXPECT_EQ(print(CpuListRule{}, *cpus), '"' + std::string(list) + '"');
  }
  EXPECT_EQ(read(CpuListRule{}, text("0,2-3")).value(), (std::vector<std::uint32_t>{0, 2, 3}));
}

TEST(CpuListRule, RefusesWhatIsNoList) {
  for (const char* bad : {"", ",", "0,", ",0", "3-2", "0,0", "1-3,2", "1024", "-1", "1-", "a", "0-4294967296", "all,1"}) {
    EXPECT_FALSE(read(CpuListRule{}, text(bad)).has_value()) << bad;
  }
}

TEST(Printable, KeepsAMessageOnOneLine) {
  EXPECT_EQ(printable("plain ~"), "plain ~");
  EXPECT_EQ(printable(std::string_view("a\n\0\x7f\xff", 5)), "a\\x0a\\x00\\x7f\\xff");
  EXPECT_EQ(printable("abcdef", 3), "abc...");
}

}  // namespace
}  // namespace ringgate::config
