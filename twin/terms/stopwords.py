"""Words that carry grammar and no subject, by language: they are left out of the sparse vectors.

Only closed classes are listed (articles, pronouns, prepositions, conjunctions, auxiliaries), so no word that somebody
could search for is lost. A language without a list loses only some speed, because the inverse document frequency of
such words is small.

The package `stopwordsiso` is not used: its English list has 1,298 words (187 here), including `computer`, `system` and
`research`, and stored vectors were made with this list.
"""

from functools import cache

_LISTS = {
    "en": """a about above after again against all am an and any are aren't as at be because been before being below
        between both but by can't cannot could couldn't did didn't do does doesn't doing don't down during each few for
        from further had hadn't has hasn't have haven't having he he'd he'll he's her here here's hers herself him
        himself his how how's i i'd i'll i'm i've if in into is isn't it it's its itself let's me more most mustn't my
        myself no nor not of off on once only or other ought our ours ourselves out over own same shan't she she'd
        she'll she's should shouldn't so some such than that that's the their theirs them themselves then there there's
        these they they'd they'll they're they've this those through to too under until up very was wasn't we we'd we'll
        we're we've were weren't what what's when when's where where's which while who who's whom why why's will with
        won't would wouldn't you you'd you'll you're you've your yours yourself yourselves can may might must shall also
        however therefore thus upon whether whose""",
    "de": """aber alle allem allen aller alles als also am an ander andere anderem anderen anderer anderes anders auch
        auf aus bei beim bin bis bist da dadurch daher damit dann daran darauf darin das dass dasselbe davon dazu dein
        deine deinem deinen deiner dem demselben den denn denselben der deren derer derselbe des dessen dich die dies
        diese dieselbe dieselben diesem diesen dieser dieses dir doch dort du durch ein eine einem einen einer eines
        einige einigem einigen einiger einiges einmal er es etwas euch euer eure eurem euren eurer für gegen gewesen hab
        habe haben hast hat hatte hatten hier hin hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer ihres im in indem
        ins ist ja jede jedem jeden jeder jedes jene jenem jenen jener jenes jetzt kann kannst kein keine keinem keinen
        keiner keines können könnte machen man manche manchem manchen mancher manches mein meine meinem meinen meiner
        mich mir mit muss musste müssen nach nicht nichts noch nun nur ob oder ohne sehr sein seine seinem seinen seiner
        seit selbst sich sie sind so solche solchem solchen solcher solches soll sollen sollte sondern sonst über um und
        uns unser unsere unserem unseren unter viel vom von vor während war waren warst was weil weiter welche welchem
        welchen welcher welches wenn wer werde werden wie wieder will wir wird wirst wo wollen wollte wurde wurden würde
        würden zu zum zur zwar zwischen""",
    "fr": """à ai aie aient ait alors au aucun aucune aussi autre autres aux avaient avais avait avant avec avez avoir
        avons ayant c ça car ce ceci cela celle celles celui ces cet cette ceux chaque chez ci comme comment d dans de
        depuis des donc dont du duquel elle elles en encore entre es est et étaient étais était étant été être eu eux
        fait fut furent ici il ils j je jusque l la laquelle le lequel les lesquelles lesquels leur leurs lorsque lui m
        ma mais me même mêmes mes moi moins mon n ne ni nos notre nous on ont or ou où par parce pas pendant peu peut
        plus plusieurs pour pourquoi puis puisque qu quand que quel quelle quelles quels qui quoi s sa sans se sera
        serait seront ses si sien soit sommes son sont sous suis sur t ta tandis te tes toi ton tous tout toute toutes
        très tu un une vers voici voilà vos votre vous y""",
    "es": """a al algo algún alguna algunas alguno algunos ante antes aquel aquella aquellas aquello aquellos aquí así
        aún aunque cada como cómo con contra cual cuál cuales cuando cuándo cuanto de del desde donde dónde dos durante
        e el él ella ellas ellos en entonces entre era eran eres es esa esas ese eso esos esta está estaba estado están
        estar estas este esto estos estoy fue fueron fui ha había habían haber han has hasta hay he la las le les lo los
        más me mi mí mientras mis mucho muchos muy nada ni no nos nosotros nuestra nuestras nuestro nuestros o os otra
        otras otro otros para pero poco por porque pues que qué quien quién quienes se sea según ser si sí sido sin
        sobre sois son soy su sus también tampoco tan tanto te tengo tenía tiene tienen todo toda todas todos tu tú tus
        un una uno unos unas vosotros y ya yo""",
    "it": """a abbiamo ad agli ai al alla alle allo anche ancora avere aveva avevano c che chi ci ciò cioè come con
        contro cosa così cui d da dagli dai dal dalla dalle dallo degli dei del della delle dello dentro di dopo dove e
        è ed era erano essere fa fra fu gli ha hai hanno ho i il in io l la le lei li lo loro lui ma me mentre mi mia
        mie miei mio molto ne né negli nei nel nella nelle nello no noi non nostra nostre nostri nostro o ogni oppure
        per perché però più poi prima qua quale quali quando quanto quel quella quelle quelli quello questa queste
        questi questo qui quindi se sei senza si sia siamo siete solo sono sopra sotto sta stata state stati stato su
        sua sue sugli sui sul sulla sulle sullo suo suoi te tra tu tua tue tuo tuoi tutte tutti tutto un una uno vi voi
        vostra vostre vostri vostro""",
    "pt": """a à ainda ao aos aquela aquelas aquele aqueles aquilo as às até cada com como da das de dela delas dele
        deles depois do dos e é ela elas ele eles em enquanto então entre era eram essa essas esse esses esta está
        estamos estão estas estava este estes eu foi foram há isso isto já lhe lhes lo mais mas me mesmo meu meus minha
        minhas muito muitos na não nas nem no nos nós nossa nossas nosso nossos num numa o onde os ou outra outras outro
        outros para pela pelas pelo pelos per pode pois por porque quais qual quando que quem são se seja sem ser será
        seu seus si sido sob sobre sua suas só também tão te tem têm tenho ter teu tinha toda todas todo todos tu tua um
        uma umas uns você vocês""",
    "nl": """aan al alle als altijd andere ben bij daar dan dat de der deze die dit doch doen door dus een eens en er ge
        geen geweest haar had heb hebben heeft hem het hier hij hoe hun iemand iets ik in is ja je jij jou jullie kan
        kunnen kon maar me meer men met mij mijn moet moeten na naar niet niets nog nu of om omdat onder ons ook op over
        reeds te tegen toch toen tot u uit uw van veel voor want waren was wat we wel welke werd wezen wie wij wil
        worden wordt zal ze zei zelf zich zij zijn zo zonder zou zoals waarom wanneer""",
    "sv": """alla allt än andra är att av bara blev bli blir då de deras den denna dess det detta dig din dina dock du
        där eftersom efter ej eller en ett från för ha hade han hans har henne hennes här hon hur i icke in ingen inom
        inte jag kan kunde man med mellan men mer mig min mina mot mycket ni nu någon något några när och också om oss
        på samma sedan sin sina själv ska skall skulle som så till under upp ut utan vad var vara vars vem vi vid vilka
        vilken vilket är åt över""",
    "da": """af alle alt anden at blev blive bliver da de dem den denne der deres det dette dig din disse dog du efter
        eller en end er et for fordi fra få ham han hans har havde hende hendes her hos hun hvad hvem hvilke hvilken
        hvis hvor hvordan hvorfor i ikke ind jeg jer kan kunne man mange med meget men mig min mine mit mod når ned
        noget nogle nu når og også om op os over på selv sig sin sine sit skal skulle som sådan thi til ud under var
        vi vil ville vor være været""",
    "no": """alle at av bare begge ble bli blir da de deg dem den denne der deres det dette din disse du eller en enn er
        et ett etter for fordi fra før ha hadde han hans har hennes her hun hva hvem hver hvilken hvis hvor hvordan
        hvorfor i ikke ikkje ingen inn jeg kan kunne man mange med meg men mer min mot mye når noe noen nå og også om
        opp oss over på samme seg selv sin sine skal skulle slik som så til under ut uten var vi vil ville vår være
        vært""",
    "fi": """ei eikä en että ette hän häneen hänen hänet he heidän itse ja jo joka jonka jos jossa jota jotka kanssa
        kuin kuka kun mikä mitä missä minä minun mutta myös ne niiden niin nyt nämä näiden ole olen oli olivat olla on
        ovat se sekä sen siellä siinä sitä sinä tai te tämä tämän tässä tuo tuon vaan vai vain voi vuoksi""",
    "ru": """а без более бы был была были было быть в вам вас ведь весь во вот все всё всего всех вы где да даже для до
        его ее её если есть еще ещё же за здесь и из или им их к как какая какой ко когда кто ли либо мне может мы на
        над надо нас не него нее неё ней нет ни них но ну о об однако он она они оно от очень по под после потому при
        про с сам свой со так также такой там те тем то того тоже той только том ты у уже хотя чего чей чем через что
        чтобы чтоб эта эти это этого этой этом этот эту я""",
    "pl": """a aby albo ale ani aż bardzo bez bo by był była było były być ci co czy dla do gdy gdzie go i ich ile im
        inne ja jak jako je jego jej jest jestem jeszcze jeśli już każdy która które który którzy którego której lub
        ma mi mnie może można my na nad nam nas nasz nawet nic nich nie nim niż o od on ona one oni oraz po pod poza
        przed przez przy sam są się swoje ta tak także tam te tego tej ten też to tu tu twój ty tych tylko tym u w we
        więc wszystko z za ze że""",
    "cs": """a aby ale ani asi až být bez by byl byla byli bylo co což či dnes do ho i já jak jako je jeho jej její
        jejich jen ještě ji již jsem jsou jsme k kam každý kde kdo když ke která které který kteří ma mají máte mezi mi
        mít mně mu my na nad nám náš nebo není než nic o od on ona oni ono pak po pod podle pokud potom pouze pro proč
        proto protože před přes při s se si sice so své svůj ta tak také tato tedy ten tento této tím to toho tom tomu
        toto tu ty tyto u už v vám váš ve však všechno vy z za zda zde ze že""",
    "tr": """ama ancak bana bazı ben beni benim bile bir biri biz bu buna bunda bunlar bunu bunun çok çünkü da daha de
        değil diye en gibi hem hep hepsi her hiç için ile ise kadar ki kim mı mi mu mü nasıl ne neden nerede nereye
        niçin niye o olan olarak onlar onu onun sen siz şey şu tüm ve veya ya yani""",
    "hu": """a abban ahhoz ahogy aki akik amely amelyek ami amikor amit annak arra át az azok azon azt be bele cikk csak
        de e egy egyéb egyik egyre el ellen elő elég én ennek és ez ezek ezen ezt fel felé ha hanem hiszen hogy hogyan
        igen így ill ilyen is itt jól jobban kell kellett ki kívül le legalább lehet lesz lett maga már más meg mely még
        mert mi mint mivel most nagy nagyon ne nekem nem nincs olyan ott össze ő ők pedig saját sem semmi sok szemben
        talán tehát úgy új újra utána vagy vagyok való van vannak vele viszont volna volt voltak""",
    "ro": """a acea aceasta această aceea acel acela acele acelea acest acesta aceste acestea aceşti ai al ale am ar are
        aş aşa asupra au avea ca că când care cât ce cel cele cine cu cum da dacă dar de deci deşi din doar după ea ei
        el ele era este eu fi fie fiind fost în între la le li lor lui mai mea mei meu mi mult nici noastre nostru nu o
        or ori pe pentru peste prin s sa sale sau se şi sub sunt te toate tot tu un una unei unele unor unui va voi
        vor""",
}

LISTED = tuple(_LISTS)
"""The languages that have a list."""


@cache
def stop_words(language: str) -> frozenset[str]:
    """The stop words of an ISO 639-1 language, casefolded; empty if there is no list."""
    return frozenset(_LISTS.get(language, "").casefold().split())
