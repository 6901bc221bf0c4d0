"""Valid messages that are spelt otherwise than we write them, and asks whose verb cannot be read."""

from tests.vectors.valid_messages import ITEM_ID, OTHER, TOP, TRANSFER

# Other spellings of a valid message: read, and written as the second.
OTHER_SPELLINGS = [
    ('{"n":7,"t":"ping"}', '{"t":"ping","n":7}'),
    ('{ "t" : "ping" ,\n\t"n":7 } ', '{"t":"ping","n":7}'),
    ('{"t":"ping","n":7.0}', '{"t":"ping","n":7}'),
    ('{"t":"ping","n":7e0}', '{"t":"ping","n":7}'),
    ('{"t":"ping","n":-0}', '{"t":"ping","n":0}'),
    ('{"t":"ping","n":-0.0}', '{"t":"ping","n":0}'),
    ('{"t":"ping","n":9007199254740991.0}', '{"t":"ping","n":9007199254740991}'),
    ('{"t":"\\u0070ing","n":7}', '{"t":"ping","n":7}'),
    ('{"t":"ping","n":7,"later":{"x":[null,"😀"]}}', '{"t":"ping","n":7}'),
    ('{"t":"ping","n":7,"__proto__":{"n":8},"constructor":1}', '{"t":"ping","n":7}'),
    ('{"t":"ping","n":6,"n":7}', '{"t":"ping","n":7}'),
    (
        '{"t":"accept","transfer":"' + TRANSFER + '","window":1,"kept":[{"item":0,"offset":1,"prove":false}],'
        '"receipts":[],"more":false}',
        '{"t":"accept","transfer":"' + TRANSFER + '","window":1,"kept":[{"item":0,"offset":1}]}',
    ),
    (
        '{"t":"propose","transfer":"' + TRANSFER + '","first":0,"items":[{"name":"a","size":1,"kind":"file"}],'
        '"more":false,"count":1,"bytes":1,"shelf":false,"skip_same":false}',
        '{"t":"propose","transfer":"' + TRANSFER + '","first":0,"items":[{"name":"a","size":1}],'
        '"more":false,"count":1,"bytes":1}',
    ),
    ('{"t":"ask","id":1,"verb":{"t":"list_receipts","limit":200}}', '{"t":"ask","id":1,"verb":{"t":"list_receipts"}}'),
    ('{"t":"ask","id":1,"verb":{"t":"list_inbox","limit":200}}', '{"t":"ask","id":1,"verb":{"t":"list_inbox"}}'),
    ('{"t":"answer","id":1,"facts":{"t":"done","text":""}}', '{"t":"answer","id":1,"facts":{"t":"done"}}'),
    (
        '{"t":"ask","id":1,"verb":{"t":"bin_entry","name":"\\ud83d\\ude00"}}',
        '{"t":"ask","id":1,"verb":{"t":"bin_entry","name":"😀"}}',
    ),
]

# An `ask` whose verb cannot be read: the number it is refused under.
WRONG_ASKS = [
    (1, '{"t":"ask","id":1,"verb":{"t":"rename_device","device":"' + OTHER + '","to":"' + "x" * 61 + '"}}'),
    (0, '{"t":"ask","id":0,"verb":{"t":"list_inbox","limit":1001}}'),
    (TOP, '{"t":"ask","id":9007199254740991,"verb":{"t":"meet","device":"anna"}}'),
    (7, '{"t":"ask","id":7.0,"verb":{"t":"brew_coffee"}}'),
    (3, '{"t":"ask","id":3,"verb":{"t":"bin_entry"}}'),
    (3, '{"t":"ask","id":3,"verb":null}'),
    (3, '{"t":"ask","id":3}'),
    (4, '{"t":"ask","id":4,"verb":{"t":"pick_up","items":[]}}'),
    (4, '{"t":"ask","id":4,"verb":{"t":"pick_up","items":["' + '","'.join([ITEM_ID] * 257) + '"]}}'),
    (4, '{"t":"ask","id":4,"verb":{"t":"withdraw","item":"../Outbox"}}'),
    (4, '{"t":"ask","id":4,"verb":{"t":"list_receipts","limit":1001}}'),
]
