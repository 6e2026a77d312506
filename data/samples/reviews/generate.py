"""Writes reviews.csv, a made-up sample of film reviews whose label depends on the order of the words.

A small grammar with a polarity: every symbol is expanded as praise or as complaint, and `!` before a symbol reverses the
polarity. "{aspect} was not {!adj}" as praise is "the plot was not boring". The label of a review is the polarity with
which its sentences were expanded, so a negation, a concession or a disappointed hope decides it, and no single word
does. README.md describes the grammar in words and lists the measured figures.

    python -m data.samples.reviews.generate [--rows N] [--seed S] [--out FILE]
"""

import argparse
import csv
import io
import random
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

ROWS, SEED = 6000, 7
MAX_WORDS = 60  # a longer review is drawn again, so that a model may cut at 64 tokens and lose nothing


def _words(text: str) -> dict[str, int]:
    """Equally likely words; `_` stands for a space inside an entry."""
    return {word.replace("_", " "): 1 for word in text.split()}


# Symbol -> {production: weight}. A symbol with a polarity is written twice: `adj+` praises, `adj-` complains.
GRAMMAR: Mapping[str, Mapping[str, int]] = {
    # The opinion of a review: one sentence, as praise or as complaint.
    "sentence": {
        "{opinion}": 56,
        "{remark}": 6,
        "{opinion} and {opinion}": 12,
        "{concession}": 13,
        "{hope}": 8,
        "{emphasis}": 5,
    },
    "opinion": {"{plain}": 85, "{negated}": 15},
    "remark": {"what a {adj} {work}": 2, "{adj} {work}": 3, "not {very} {!adj}": 2},
    "plain": {
        "{aspect} {was} {adj}": 4,
        "{aspect} {was} {degree} {adj}": 4,
        "{aspect} {was} {noun}": 2,
        "I {verb} {aspect}": 3,
        "I {much} {verb} {aspect}": 2,
        "{aspect} {acts}": 3,
        "it is a {adj} {work}": 2,
        "I found {aspect} {adj}": 2,
    },
    "negated": {
        "{aspect} {was} {not} {!adj}": 5,
        "{aspect} {wasnt} {!adj}": 4,
        "{aspect} {wasnt} {very} {!adj}": 3,
        "{aspect} {was} {not} {!noun}": 3,
        "I {didnt} {!like} {aspect}": 4,
        "nothing about {aspect} {was} {!adj}": 1,
        "nobody could call {aspect} {!adj}": 1,
        "I would not call {aspect} {!adj}": 1,
        "there is nothing {!adj} about {aspect}": 1,
        "{aspect} never {!act}": 2,
        "{aspect} fails to be {!adj}": 1,
    },
    # A subordinate clause says the opposite; the main clause decides.
    "concession": {
        "{although} {!opinion}, {opinion}": 4,
        "{opinion}, {although} {!opinion}": 3,
        "{!opinion}, {but} {opinion}": 5,
        "despite {aspect} being {!adj}, {opinion}": 2,
        "for all its {!adj} {thing}, {opinion}": 1,
    },
    # Hopes, fears and hearsay do not count; the opinion decides.
    "hope": {
        "I {!expected} {!noun}, {but} {opinion}": 4,
        "I {expected} {noun} and {opinion}": 1,
        "{somebody} {said} it {was} {!adj}, {but} {opinion}": 3,
        "{somebody} {said} it {was} {adj} and {opinion}": 1,
        "what could have been {!noun} turned out to be {noun}": 2,
        "the {teaser} looked {!adj}, {but} {opinion}": 2,
    },
    # Negative words that negate nothing.
    "emphasis": {
        "not only was {aspect} {adj}, it was {adj} too": 2,
        "{aspect} could not have been more {adj}": 2,
        "no doubt {aspect} {was} {adj}": 2,
        "I have never seen a more {adj} {work}": 2,
        "no {work} this year was so {adj}": 1,
    },
    "verdict": {"{overall} {opinion}": 1},
    "overall": _words("overall, all_in_all, in_the_end, in_short, to_sum_up, bottom_line:"),
    "although": _words("although though even_though while whereas even_if"),
    "but": _words("but yet and_still but_in_the_end however, but_then"),
    "not": _words("not never hardly scarcely far_from anything_but by_no_means not_really not_at_all no_longer"),
    "was": _words("was is felt seemed"),
    "wasnt": _words("wasn't isn't wasnt isnt didn't_feel doesn't_seem won't_strike_you_as"),
    "didnt": _words("didn't did_not never don't could_not couldn't dont do_not"),
    "very": _words("very particularly that especially all_that remotely"),
    "degree": _words("really very quite truly so absolutely utterly totally simply rather incredibly just consistently"),
    "much": _words("really truly absolutely utterly totally simply just thoroughly positively"),
    "expected+": _words("expected hoped_for was_promised looked_forward_to had_been_told_to_expect was_waiting_for"),
    "expected-": _words("expected feared dreaded was_prepared_for had_been_told_to_expect was_warned_of"),
    "said": _words("said told_me swore insisted wrote claimed"),
    "somebody": _words(
        "my_brother my_sister everyone a_friend the_critics my_neighbour our_teacher the_newspaper Zoë José my_boss"
    ),
    "teaser": _words("trailer poster cover preview"),
    "work": _words("film movie picture story adaptation sequel remake series thriller comedy drama documentary debut show"),
    "thing": _words("dialogue scenery camerawork music costumes effects jokes twists"),
    "aspect": _words(
        "the_plot the_acting the_script the_cast the_music the_soundtrack the_ending the_beginning the_dialogue the_pacing "
        "the_camerawork the_lighting the_editing the_direction the_lead the_villain the_heroine the_hero the_humour "
        "the_story the_premise the_romance the_suspense the_sound the_scenery the_animation the_production the_narration "
        "the_first_half the_second_half the_final_act the_opening_scene the_main_character the_supporting_cast "
        "the_whole_thing this_film this_movie it every_scene everything the_chemistry the_atmosphere the_finale"
    ),
    "adj+": _words(
        "good great brilliant wonderful superb excellent amazing fantastic delightful charming moving touching gripping "
        "clever witty funny hilarious fresh original inspired beautiful gorgeous stunning elegant memorable unforgettable "
        "compelling convincing believable captivating thrilling exciting engaging enjoyable entertaining fascinating "
        "masterful flawless perfect outstanding remarkable splendid terrific marvellous magical heartwarming satisfying "
        "impressive likeable lovely polished subtle sharp refreshing rewarding powerful"
    ),
    "adj-": _words(
        "bad awful terrible horrible dreadful boring dull tedious bland tiresome annoying irritating stupid silly clumsy lame "
        "predictable stale shallow hollow flat lifeless wooden forgettable pointless incoherent confusing messy sloppy "
        "ridiculous laughable embarrassing painful unbearable unwatchable disappointing mediocre pathetic pretentious "
        "overlong bloated contrived implausible uninspired unfunny cheap ugly cheesy weak poor insulting depressing "
        "exhausting amateurish lazy"
    ),
    "noun+": _words(
        "a_masterpiece a_gem a_triumph a_delight a_joy a_treat a_classic a_success a_pleasure a_revelation a_highlight "
        "a_winner a_feast a_wonder"
    ),
    "noun-": _words(
        "a_mess a_disaster a_failure a_bore a_flop a_letdown a_disgrace a_chore a_waste_of_time a_catastrophe a_nightmare "
        "a_joke a_fiasco an_insult"
    ),
    "verb+": _words("loved enjoyed adored admired liked appreciated cherished savoured recommend treasured"),
    "verb-": _words("hated disliked despised loathed detested regret resented suffered_through endured cringed_at"),
    "like+": _words("love enjoy adore admire like appreciate recommend warm_to care_for cherish"),
    "like-": _words("hate dislike despise loathe detest regret resent suffer_through mind cringe_at"),
    "acts+": _words("shines delivers works_well sparkles excels soars surprised_me won_me_over moved_me impressed_me"),
    "acts-": _words("drags flounders falls_apart bored_me annoyed_me stinks collapses disappointed_me fizzles let_me_down"),
    "act+": _words("shines delivers sparkles excels soars impressed_me moved_me won_me_over"),
    "act-": _words("drags flounders falls_apart bored_me annoyed_me collapses fizzles let_me_down"),
    # Sentences that say nothing about the film's worth.
    "filler": {
        "we saw it on {day} at {place}": 3,
        "I watched it {company} on {day}": 3,
        "it runs for {number} minutes": 2,
        "the story is set in {city} in the {decade}": 3,
        "{name} plays {role} from {city}": 4,
        "{name} wrote it and {name} directed": 2,
        "it is based on a book by {name}": 2,
        'abroad it is called "{title}"': 3,
        "there were {number} people in the audience": 2,
        "the ticket was {number} euros, popcorn included": 1,
        "I read the book {number} years ago": 2,
        "it follows {role}, {role} and {role}": 3,
        "seen {company}, {day} evening": 1,
        'my ticket said "{title}", row {number}': 1,
    },
    "day": _words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday Christmas"),
    "place": _words("home the_cinema the_festival a_friend's_house the_café_théâtre school the_drive-in an_airport"),
    "company": _words("with_my_kids with_my_wife with_my_husband alone with_two_colleagues on_a_plane on_DVD with_our_class"),
    "number": _words("12 3 90 140 25 seven twenty 8 45 nine 17 200"),
    "city": _words("Paris Lisbon Kraków Zürich Osaka Malmö Chicago Glasgow Lima Cairo São_Paulo Delhi"),
    "decade": _words("1920s 1950s 1970s eighties nineties future Renaissance 1890s"),
    "name": _words("Anna_Kovač John_Miller Renée_Dubois Søren_Holm Maria_Lopez O'Brien Kenji_Mori Amélie_Roux Paul_Weber"),
    "role": _words("a_detective a_nurse a_baker two_sisters a_retired_pilot a_spy an_orphan a_lawyer a_sailor a_chess_player"),
    "title": _words("The_Long_Winter Night_Train Salt,_Sand_&_Stone Room_12 The_Lighthouse Año_Nuevo The_Seventh_Map Harbour"),
}


def expand(rng: random.Random, symbol: str, praise: bool) -> str:
    """Returns a random phrase for `symbol`, as praise or as complaint."""
    productions = GRAMMAR.get(symbol) or GRAMMAR[symbol + ("+" if praise else "-")]
    (production,) = rng.choices(list(productions), list(productions.values()))
    return re.sub(r"{(!?)(\w+)}", lambda slot: expand(rng, slot[2], praise ^ bool(slot[1])), production)


def review(rng: random.Random, praise: bool) -> str:
    """Returns one review: sentences of one polarity among neutral ones, then the noise of real text."""
    parts = [expand(rng, "sentence", praise) for _ in range(rng.choices([1, 2, 3], [35, 40, 25])[0])]
    for _ in range(rng.choices([0, 1, 2, 3], [35, 35, 20, 10])[0]):
        parts.insert(rng.randrange(len(parts) + 1), expand(rng, "filler", praise))
    if rng.random() < 0.08:  # the verdict at the end overrules an opinion before it
        parts = [expand(rng, "opinion", not praise), *parts, expand(rng, "verdict", praise)]
    return _noisy(rng, [re.sub(r"\ba(?= [aeiou])", "an", part) for part in parts])


def _noisy(rng: random.Random, sentences: list[str]) -> str:
    """Joins sentences as people do: breaks, emoji, missing capitals and full stops, shouting, slips of the keyboard."""
    text = ""
    for sentence in sentences:
        sentence = " ".join(_slip(rng, word) if rng.random() < 0.01 else word for word in sentence.split())
        if rng.random() < 0.85:
            sentence = sentence[0].upper() + sentence[1:]
        end = rng.choices([".", "!", "...", "!!!", "", " 🎬", " 🍿🍿", "?!"], [70, 10, 4, 3, 7, 2, 2, 2])[0]
        between = rng.choices([" ", "<br /><br />", " <br />", "\n", "\n\n"], [84, 7, 3, 4, 2])[0]
        text += (between if text else "") + sentence + end
    return rng.choices([text, text.lower(), text.upper().replace("<BR />", "<br />")], [90, 8, 2])[0]


def _slip(rng: random.Random, word: str) -> str:
    """Swaps, drops or doubles a letter inside a word of five letters or more."""
    if len(word) < 5 or not word.isalpha():
        return word
    position = rng.randrange(1, len(word) - 2)
    return (
        word[:position]
        + rng.choice([word[position + 1] + word[position], word[position + 1], word[position] * 2 + word[position + 1]])
        + word[position + 2 :]
    )


def sample(rows: int = ROWS, seed: int = SEED) -> str:
    """Returns the CSV: `label` (1 praises, 0 complains) and `text`, no two reviews alike but for case and punctuation."""
    rng = random.Random(seed)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["label", "text"])
    known_reviews: set[tuple[str, ...]] = set()
    while len(known_reviews) < rows:
        praise = rng.random() < 0.5
        text = review(rng, praise)
        words = tuple(re.findall(r"\w+", text.lower().replace("<br />", " ")))  # compared, so that no held-out row is known
        if 3 <= len(words) <= MAX_WORDS and words not in known_reviews:
            known_reviews.add(words)
            writer.writerow([int(praise), text])
    return out.getvalue()


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes the file that the command line asks for."""
    parser = argparse.ArgumentParser(description="Write the sample of film reviews.")
    parser.add_argument("--rows", type=int, default=ROWS, help="how many reviews (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="same seed, same bytes (default: %(default)s)")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).with_name("reviews.csv"), help="file to write (default: %(default)s)"
    )
    args = parser.parse_args(arguments)
    args.out.write_bytes(sample(args.rows, args.seed).encode())


if __name__ == "__main__":
    main()
