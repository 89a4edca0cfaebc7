"""Who is checked, and who is listed: identifiers, names, case numbers, and the keys by which the two are matched.

Everything here is pure: no database, clock, HTTP or settings; `today` and the digest key are parameters.

Terms, used the same way everywhere:

- a *subject* is a person (自然人) or an organisation (法人或其他组织) with a name and perhaps an identifier;
- an *identifier* is a number of a type, in its normal form, with the *quality* of what could be verified;
- a *mask* is a number of which the published list shows only a part; it proves nothing, it only allows a match;
- a *name key* is the form in which two names are compared; the raw name is kept beside it, unchanged;
- a *subject key* is a keyed digest under which a listing is found. `listed_keys` and `related_keys` are the keys under
  which a listing is stored, `asked_keys` those by which a question looks for it, `identity_of` what a hit then proves.

Standards: GB 11643-1999 (resident identity number, check by ISO 7064 MOD 11-2), GB 32100-2015 (unified social credit code),
GB 11714-1997 (organisation code), GB 18030 (private-use characters of old systems), 民委发〔2016〕33号 (the dot in names),
法〔2015〕137号 (case numbers since 2016). The county part of a resident number is never checked: real numbers carry counties
that were abolished long ago.
"""
