"""
Another DNS implementation, dnspython, as an oracle. Reads one JSON request per line and writes one JSON reply per line.

    {"type": "MX", "text": "10 mail.home.", "hex": "..."}   RDATA, as text and as octets
        -> its own octets for the text, its own text for the octets, and the octets re-encoded
    {"message": "..."}                                       a message; trailing octets are an error
        -> what it decodes, and the message re-encoded with its own compression
    {"update": ["...", "..."]}                               with two messages: whether they are equal; without: an update of its own
"""
import json
import sys

import dns.flags
import dns.message
import dns.opcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.update

IN = dns.rdataclass.IN


def data(request):
    rdtype = dns.rdatatype.from_text(request["type"])
    octets = bytes.fromhex(request["hex"])
    read = dns.rdata.from_wire(IN, rdtype, octets, 0, len(octets))
    written = dns.rdata.from_text(IN, rdtype, request["text"])
    return {"hexOfText": written.to_wire().hex(), "textOfHex": read.to_text(), "hexOfHex": read.to_wire().hex()}


def message(request):
    read = dns.message.from_wire(bytes.fromhex(request["message"]), one_rr_per_rrset=True, ignore_trailing=False)
    records = [
        [str(section), rrset.name.to_text(), rrset.rdtype, rrset.rdclass, rrset.ttl, rrset[0].to_wire().hex()]
        for section, rrsets in enumerate(read.sections[1:]) for rrset in rrsets
    ]
    edns = None if read.edns < 0 else {
        "payload": read.payload, "version": read.edns, "dnssecOk": bool(read.ednsflags & dns.flags.DO),
        "options": [[int(option.otype), option.to_wire().hex()] for option in read.options],
    }
    return {
        "id": read.id, "flags": int(read.flags), "opcode": int(read.opcode()), "rcode": int(read.rcode()), "edns": edns, "records": records,
        "questions": [[question.name.to_text(), question.rdtype, question.rdclass] for question in read.question],
        "hex": read.to_wire(max_size=65535).hex(),
    }


def update(request):
    if request["update"]:
        one, other = (dns.message.from_wire(bytes.fromhex(octets)) for octets in request["update"])
        return {"same": one == other and one.to_wire() == other.to_wire()}
    made = dns.update.UpdateMessage("home.")
    made.present("there.home.")
    made.present("there.home.", "A")
    made.present("there.home.", "A", "192.0.2.1")
    made.absent("gone.home.")
    made.absent("gone.home.", "MX")
    made.add("new.home.", 300, "MX", "10 mail.home.")
    made.delete("old.home.")
    made.delete("old.home.", "TXT")
    made.delete("old.home.", "SRV", "0 5 80 web.home.")
    return {"hex": made.to_wire().hex()}


def answer(request):
    if "update" in request:
        return update(request)
    return message(request) if "message" in request else data(request)


for line in sys.stdin:
    try:
        print(json.dumps(answer(json.loads(line))))
    except Exception as error:  # of any kind: the test shows it
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}))
