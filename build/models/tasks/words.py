"""A pool of common words, and made-up ones, for copying, reversing and unexpected questions."""

COMMON = """
apple arrow autumn baker bamboo basket battery beach bear bell bird blanket blue boat book bottle bowl bread breeze
brick bridge bright brown brush bucket butter cabin cactus camel camera candle canoe canyon carpet carrot castle cat
chair chalk cheese cherry circle city clay clean clock cloud clover coat coffee coin copper coral corner cotton cow
cream crown cup curtain dance dawn deep deer desert desk dog door dragon dream drum duck dust eagle early earth east
echo egg elbow empty engine evening family farm fast feather field fire fish flag flame floor flower flute fog forest
fox friend frog garden gate ghost giant ginger glass globe gold goose grape grass green grey guitar hammer hand happy
harbor hat heart heavy hedge hill honey horse house ice island ivory jacket jelly jewel jungle kettle key kind kitchen
kite ladder lake lamp large laugh leaf lemon letter light lily lion little lizard long lunar magic map maple marble
market meadow melon metal milk mirror moon morning moss mountain mouse music narrow nest night noble north oak ocean
old olive onion orange orbit otter owl paint palace paper parrot path peach pear pearl pen pencil pepper piano pine
planet plate plum pocket pond poppy potato prism purple quartz queen quick quiet rabbit rain raven red ribbon rice
river road robin robot rocket roof rope rose round ruby sail salt sand school sea seed shadow sheep shell ship silent
silver sky slow small smoke snow soap soft song south spark spice spider spoon spring square star steam steel stone
storm story straw street summer sun swan sweet table tall tea tent thunder tiger timber tower train tree tulip turtle
valley velvet village violet walnut warm water wave west whale wheat wheel white wind window winter wolf wood yellow
""".split()

ONSETS = "b br c ch d dr f fl g gr h j k kl l m n p pl qu r s sh sk st t tr v w y z".split()
NUCLEI = "a e i o u ai ea oo ou".split()
CODAS = ["", "", "n", "r", "l", "s", "t", "m", "nd", "rk", "sh", "ck"]
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def invented(rng):
    """A pronounceable word that no dictionary has, of three to eight letters."""
    while True:
        syllables = rng.randint(1, 2)
        word = "".join(rng.choice(ONSETS) + rng.choice(NUCLEI) + rng.choice(CODAS) for _ in range(syllables))
        if 3 <= len(word) <= 8:
            return word


def any_word(rng):
    """A common word or, half of the time, something made up."""
    kind = rng.random()
    if kind < 0.5:
        return rng.choice(COMMON)
    if kind < 0.85:
        return invented(rng)
    return "".join(rng.choice(LETTERS) for _ in range(rng.randint(2, 6)))
