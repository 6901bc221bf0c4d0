/** Four words out of a handshake that two people can compare aloud: the same words mean that nobody sits in between. */
// The list is part of the protocol; `qrshared/seal/words.py` has the same.

import { hkdfExpand } from "./keys.ts";

const WORD_COUNT = 4;

/** The four words of this link: ten bits each, from the front of Expand(handshake hash, "comparison words", 8). */
export function comparisonWords(handshakeHash: Uint8Array): string[] {
  let bits = 0n;
  for (const byte of hkdfExpand(handshakeHash, "comparison words", 8)) bits = (bits << 8n) | BigInt(byte);
  const words: string[] = [];
  for (let place = 54n; words.length < WORD_COUNT; place -= 10n) {
    words.push(WORDS[Number((bits >> place) & 0x3ffn)] ?? "");
  }
  return words;
}

// Short, common and, as far as English allows, no two a single letter apart.
export const WORDS: readonly string[] = `
acid acorn actor adult after agent agree aim airy alarm album alert alive alley almond alone alpha alto amber
ample angel angle answer antler apron arch arena arrow art ash atlas atom attic aunt autumn award axis axle baby
back badge bag bagel baker balm bamboo banana band banjo barn base basil basket bath baton beach beacon bean
beard beaver bed beef bell berry bike bin bird bishop bison blade blank blanket blend bless block bloom blouse
blue boat body bolt bone bonus book boost border boss bottle bowl box brass brave bread breeze brick bride
bright brown brush bubble bucket buckle budget buffalo bugle build bulb bundle bunny bus butter button buzz
cabin cable cactus cake calf camel camera canal candle candy canoe canyon captain caramel card cargo carpet
carrot carve cash castle cat catch cedar ceiling cello cement cereal chain chalk champ change chapel chart chase
cheek cheese chef cherry chess chick child chimney choir circle citrus city civic clam class claw clean clerk
clever cliff climb clip cloth clown club coach coast cobra cocoa coconut code coffee coin cold collar comb comet
comic copper copy coral cork corner cotton cousin cover cow coyote crab crane crater crayon cream crew cricket
crisp crop cross crowd cruise crumb crystal cube cup curtain cushion cycle daily dance dark data dawn day deer
degree delta denim dentist depot desert desk dial diamond diary dice diet dig dinner disco dish diver dizzy
doctor doll dolphin domino donkey donut door dot double dove dragon drama draw dress drift drill drink drive
drop drum dry duck dune dust duty eager eagle early earth easy echo edge editor effort egg elbow elder elf elk
empty energy engine enjoy equal essay even evening every exact exit expert extra eye fabric face fair falcon
family famous fan farm fast father fence fern fiddle field fifty fig film filter final finger fire first fish
five flag flame flamingo flash flint float flood flow fluid flute fly foam focus foil folder folk foot forest
forty fossil fountain fox free fresh friend frog front fruit fudge full fur future galaxy gallon garage garden
garlic gate gear gem genius gentle giant gift giraffe girl glad globe glue goal golf gondola good gorilla gown
grand grape gravel gravy great green grid grin group grow guard guest guide guitar gull habit hail half hammer
hamster hand happy harbor harp hat hawk hazel head heart heavy heel helmet help herb heron hike hill hinge hippo
hobby hockey hollow holly home honey hood horn horse hotel hour huge human hundred hyena ice icon idea igloo
iguana image inch index indigo ink insect invite iris iron island ivory ivy jacket jade jaguar jam jar jasmine
jazz jeans jelly jet jewel job join joke journal juice jump jungle junior jury kayak keep kernel ketchup kettle
key kick kidney kind kiosk kitchen kite kitten kiwi knee knob koala label ladder lady lake lamb lantern lap
laptop large laser laugh lava lawn lazy leaf learn leather lemon lens lentil leopard lesson letter level library
lid light lily lime linen lion list little lizard llama lobster local log logic loop lotus loud lounge love
lucky lunar lunch lung lyric macaw machine magic magnet maize major mango mantle many map maple marble market
mask matrix meadow medal melody melon melt member memory menu merit meteor method metro mild mint minute mirror
mix model modern moment moon moose morning moss moth motor mount movie mud muffin mule muscle museum music
mustard name napkin nature near neck nectar needle nephew nerve nest never new nickel nine noble nod noodle
north nose novel number nurse nut nylon oak oasis object oboe ocean octave octopus odor office often old omega
onion onyx open opera opinion orbit orchid organ otter oval owl owner oxygen oyster pacific page paint palace
palm panda panel panther paper parade parcel parent park party pass pasta path patio patrol paw peacock peanut
pearl pebble pecan pelican pencil penguin pepper perch perfume period person petal phone photo piano picnic
picture pie pigeon pilgrim pillow pilot pink pioneer pipe pirate pitch pizza plain plant plastic plate play
plaza plum plus pocket poem polar polo pond pony pool popcorn poppy post potato pottery powder praise present
pretty prince prism prize proof proud public pudding puddle pulse puma pumpkin pupil puppet pure purple puzzle
pyramid quail quality quartz queen quick quiet quiz quote rabbit raccoon radar radio radish raft rain ramp ranch
random range rapid raven razor ready real recipe record region relax remote rent reply rescue ribbon rich ring
ripple rise road robin robot rock rodeo room rope round route royal ruby rug ruler runner rustic saddle safari
salad salon salt salute sardine satin sauna scale scarf scene school science score scout screen script sea
season second secret seed senior sense shadow shape shark sheep shelf shield shine ship shirt shoe shovel shower
shrimp sign silent silk silver simple siren sister six skate sketch skill skin sky sleeve slice slim slope small
smart smile smoke smooth snack snail snake snow soap soccer social soda soft soldier solid song sonic south
space spider spike spinach spiral splash sponge spoon sport spray spring square squash squid stable stadium
staff stage stamp star station statue steel stem stereo stick stone stool storm straw stream street strong
studio sugar suit summer sun sunset super surf swallow swan sweater sweet swift swing symbol syrup system taco
talent tank tape target taxi teacher team tempo ten tennis theater thin three throne thumb thunder ticket tiger
tile timber tiny today tomato tongue tooth topaz torch tornado tortoise total toucan tourist tower toy tractor
trade traffic trail tray triangle tribe trio trophy trout truck true trumpet trust tulip tuna tunnel turkey
turnip turtle twelve twenty twig umbrella uncle under unicorn unique unit upper urban useful value vanilla vapor
vault velvet vendor venue verse video view villa vintage violet violin virtue visa visit vivid voice volcano
vote voyage waffle wagon walk walnut walrus wasp water wave wax wealth weasel wedding welcome whale wheat
whisper whistle white wide window winter wisdom wonder word wreath wrist writer yacht yeast yellow yes yoga
yogurt young yoyo zebra zero zipper zoo
`.trim().split(/\s+/);
