from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization import pkcs12 as library

from virtrigaud_secrets.golang import asn1, pkcs12
from virtrigaud_secrets.golang.pkcs12 import PKCS12Error, decode_chain
from virtrigaud_secrets.golang.x509_certificates import Certificate, Template, create_certificate, parse_certificate
from virtrigaud_secrets.golang.x509_keys import marshal_pkcs8

START = datetime(2024, 1, 1, tzinfo=UTC)
KEY = ec.generate_private_key(ec.SECP256R1())
OLD = {
    "rc2": (
        "MIIF2AIBAzCCBaQGCSqGSIb3DQEHAaCCBZUEggWRMIIFjTCCBN8GCSqGSIb3DQEHBqCCBNAwggTMAgEAMIIExQYJKoZIhvcNAQcB"
        "MBwGCiqGSIb3DQEMAQYwDgQIh5crpx9+PdECAggAgIIEmD/V3GkWOuFuGoxU/mALeixAFxZ18ZjaeQDYGs1BxIA5JNaMy8wRtAeA"
        "Vnr8gCphaCzQzZz6QHgtBUgV6Pk9cuCSLfZsgvhHWqrGExDopUtN61xoJnXRsn4/C6f6RPwUzMDgk61unKjZcoCmITxLTUiS2yYw"
        "IPYg2J5ryOARnJHF12CaTNcg+8XRi3nloynaEYWvJSGydMbTbEQ9E9msYGDu4obhfKNbqvOyfRYmUZdvIAq34vkFmvb2tHVH/PRC"
        "094DbOogWfuPQmUGTQauJ1Jjq9dAsmDWZMMvKzqCKgEZyDfyhX8LaCDQdt0nXWNWoBCzWv8P9sPFg6jZqT8/xvJ4pCxlcL8X5+jv"
        "t4wj+YYQJqpw7U3QgqPfbC9qSjg8/nSDbxrUEBcHqmu4+PwgaycJf70NAldfIdAlUzhlRy2ZAFP673eki5aLMYP1MHz5S3k3PYCy"
        "3LVvD2oQzJzsNqHnefBLzspW4dv0k2MOomqMKTEDO6/qi7vRiue7NuBV1T/+BG1CzdP6uzVPtLUdi0OusP+ULqYxCJUfe4nW8Mhv"
        "sniOFoVO1vZvJeFTOjG4VtR1HXl1iRCwDR5lfmyt4H4SP2Gwx9EYidxaRcTdLNPCd4T5MySzquqczCkkBxGaVFWxcUnLCzeg8CZQ"
        "jeXtDsSvP/hiRgd8OlLopzfQ30i5cXLog6WakNV5QjHfVXOiPEGhALkbHGiDaXAVRtcBC8+vtPIZrHS059Tc0kEgwfkSvwDOcAZx"
        "X/3eJRpGVg//V+5wBmDZfDGASrEsaQg3SCDmhn2fJzvWrLpcXE+kLHfFDy+b5QlymSexIc84WJ472RfiCmmFD4MkP13C2JrZM6aU"
        "O5BpNqvBZ16oH2fHL9cGia7OZXmWdHAAEHhbOn12BMrsKUIWKbYFiUF8YHXBZpA5nUNTErQou2T17CIaD4y97gr5wNQD7ECgvPtc"
        "4093IST07cVBL4FeIIsTrGzgK99CSEj+M+4ulP2OS6rb32WWKBMAlZAmVBqYXX7QSw3+8Htz7FzzO3XZR2TxXj7mYGoRaVsQa71Z"
        "hwERAHWXkvLyg9SgioM6PhTN6TaWWz5T/yOJSD4q/3mQB5pXTLLYHqlgsFDle7jjLseLzZMIwm1ZDfbnLUaOVk4LmVgaVYSrT1Gz"
        "Yn6bQLt7vPUWdHd1lmaN4tPylQ5/EanLQwu883FWPfhcyPZTyEOF1nM2zZo1g1a7P4d7w0/mXsPkCeX6M9tGTyUNbo2Cw13JeOsK"
        "Tq3uMjlEYxhHP6kQMTbuJOsnJsb6J79x0+z7h/CDqQoEUAyGwjL0Boz+cljDSP7Onh1u/ZiDFCQXDhg2OA20aWA+E4vLDEVaejiz"
        "jFAJ2kY/z03zS4OdvkOS0KyYqnR7lS1E3dGXt8vZXIM5LGu7oawT7XyyFdD4L00ttbr52YKkC+2p+O2xGbfGRSVewpGSfED+3NYM"
        "UdjqNu+Cbcw07GwTQTJFfuwvxgWhdOkKc2a2+VCmK640IwMblTJhI2yK9FNSGGVhwJ6ELwzp9rJHTQxlQwIxlPEdyk1KMdbRXIhx"
        "iKVEDUj79st3+zCBpwYJKoZIhvcNAQcBoIGZBIGWMIGTMIGQBgsqhkiG9w0BDAoBAqBaMFgwHAYKKoZIhvcNAQwBAzAOBAg5v8+P"
        "x4aqTgICCAAEOH2UblQdbO+OYl2RAps5ZiWFEOFHvNHEp8Cs0176J1UIIEmSrTTNiNpui8ExbKI1HHGAOJcjLv6NMSUwIwYJKoZI"
        "hvcNAQkVMRYEFPvV3TJBMwie9kp/A37k8eTt9tLIMCswHzAHBgUrDgMCGgQUMfg4NtV2/ZJWbEiUFr/yR+Yaz1QECCNe1f+wZsq2"
    ),
    "triple-des": (
        "MIIF2AIBAzCCBaQGCSqGSIb3DQEHAaCCBZUEggWRMIIFjTCCBN8GCSqGSIb3DQEHBqCCBNAwggTMAgEAMIIExQYJKoZIhvcNAQcB"
        "MBwGCiqGSIb3DQEMAQMwDgQIf+BV0abfvGICAggAgIIEmPaIVSCDi7YXsFuK3y7r5mNV6j8dKkysBFaTUT+vh/2HI36zqi2kdS9J"
        "artqoxUfq5WXULLHxBxtnoFH2tFCypxZZ050r/+hzpdjB1xpSJTz7JMJJqs2ubuCBmoMTckx0VyOyv0N+6pQUdcQhdJNiAD2Ajjm"
        "B4uGvc8DJcVA4fzzoabM8yZcp6N4XOWMAnHVxQtcpgded1qxbVYNccQyiFt67e4nFy93Lqlj76NsbUmX2gFbsmk9aGkNE0ZoAorK"
        "2wGNE7TOScstVybRHICxq7Wa4ooAdvwqJCKQBMOGrK0b+Ah5lNmVgtNW0oT5kafJh5id+ZRMNeFMFXYNfgLyQ5xDpq6NDYtpfur5"
        "xhsmkx7N+JwCzyE4PKH7XaI4LrdBlU2/OuucrRZCtTL4f3ItQsBJTHLsRkkhjXowq48fBHWN26X2x8AlV1DPdVEy7K65RccsJn8y"
        "6R5nDocEqVA68o/EqeEx3XrT4c5ijHonaiO3yCiuT3t75FTF4StNnMeOItZQyGMf3DAzXfcVMDoxWFAi0w2BhRa9ggm0fLX5Big7"
        "UV/RyPoDdbeeY60IZ3ebs5e/Ah0qGosWfhnzPq17/Geo60z0Qb9r12CnYjMTtGIKs9Qp5D0h+l8ZcN1NO3R4BRdkGUOQfENRamTb"
        "jwQBqQf0GNb+Jp/zb80Nlh5SYy0RkPDLlaksGujSFbk0IWisSHWY62PWw3S6fxrylORuC2K2T2BwDbJztxR0jHOrmB8V4C8gWs6h"
        "dXRylFpNQP2Gv/chVOprLBHGT/GNBNj12T7bHBhQZmkheqovIDsuBppcpQvSOHl7wH53jK4TIlltz1nj0tH9O41vmEwh4RyziXQ6"
        "w0W+/QTLCjjalweX1mi0Di+hRcFoLXI4ogzXb97Ui2C4nBmUdQmOBbFHYugySXfg3J5NtZSKYe4RIKMhgKOy+8ZOvUujVAKVYNcB"
        "bMviHvVMCk0w/v1LP0d6RV4Xm2nxsRLvxgdZB5lSzcHUPuhpNm9cWj/8CWm+USuV5no2DKhjcmfNtaFFIskGuOULiBYXF24EepJV"
        "fnbHhUuZp1s1eoYCAv+Pe7VlYTBs3aQgwDfQi61Zdtm+dCuQvGUaKGQUP80+QWRYOC/lUV5aAEIi9fzLH+ih5sbLZujKMyARxPw5"
        "LX5ubRgyzrVs5x8ZcdEtZu5/Ahy6rP9gm4TrfM0R4WxICzlpHfQN3SHPK9tkaPo26t+FY70iDrgSHwPbrsrigJ4GhFIktCb4NEUQ"
        "lb0vn9k1D1SOO21PyUQSefRVuui/OF+BIFDU8coEBR5Yz8muT+B7mPohSHejHzueso4mbLIjwNv7qJWUskapqdgUEGcekD0SXnhD"
        "9Mqsc/zTSdCgz0V0VktsQcRX+WPGsVZICyklbwODo+ZNOTG0hqMzRwD8KsrGelqgxvWhxSQESioJ4ptyilo3+p5FBO7s1MADFuy7"
        "H2iYuaYZnfc2EYFwI4wnL0I0N3oMdvnJe0r+G+SXoiRodK6WpKeGGcix71vgNsg4pUaQZM6McRBbg+0PwXLZ6M6zuDKfgzpmrJFp"
        "Svt9bMqx1YeNRDCBpwYJKoZIhvcNAQcBoIGZBIGWMIGTMIGQBgsqhkiG9w0BDAoBAqBaMFgwHAYKKoZIhvcNAQwBAzAOBAgo0ybn"
        "hie0SwICCAAEOCEk42srLbfpz8gylb3x4GgmywI7XLwDV2DueLEJoiYhoc1ASPA/Wx+3XaQUtfc28GHbTDWdsA7aMSUwIwYJKoZI"
        "hvcNAQkVMRYEFPvV3TJBMwie9kp/A37k8eTt9tLIMCswHzAHBgUrDgMCGgQUYLTCGmlHBXUiSK6KEdGdncqYAOwECBA7dcho1qTl"
    ),
    "pbmac1": (
        "MIIGuQIBAzCCBjgGCSqGSIb3DQEHAaCCBikEggYlMIIGITCCBSgGCSqGSIb3DQEHBqCCBRkwggUVAgEAMIIFDgYJKoZIhvcNAQcB"
        "MF0GCSqGSIb3DQEFDTBQMC8GCSqGSIb3DQEFDDAiBBAZp9hLwzQ3gB1Oen59DukzAgIIADAKBggqhkiG9w0CCTAdBglghkgBZQME"
        "ASoEEOnefy2lS2ryZUsOvbreWsyAggSgGUJ7YeO7OugOYJEy3JLzQVQFPnSHQb9L0dUTLPBI2cYLnYrvk2ysIqx2hdxCNDuAzZkr"
        "eg1idocTGfqHSWoc8UEJ3rGbFshuJ95Ohz/P4WiKraWTOv6VRLn++1xVYFT6GwQEW9CTFi97qtd2PfiP7mGxdjL1ocalTlvHfmSd"
        "GL7hbxDSBI7hLzaiWD3yQMXCX/fdluYCwb6Whqs2ZglIfJccji1r3BkdLyuZX/qD0OEW6QutDH+3QiNBMBYiI9kcNDuydcbdJwZS"
        "F92zwW454MsiVlK454UWNIAX8DukhvXJdobwogqD2krVmdSJJ9rWCR8JDwi2LvsGHxYTRErPcEq38eHowLhKPRCT3fIEg0s+bSqs"
        "eXmO8VU+71TldqFdGI+Oy51kg/yz5IUmIVq/Ttq9UfykCgJPVmay9syQR1vC9j0gkxaMqdRBhpgC6WqRJdRF6reMoNrqnuAt4r7W"
        "H60cMjj++Xd0Ox4eKK+dUGzDgVxq/idqnJx0s7x7XhNX7JhiSq2vRKwARHpjxzcayDkaSBBY0TQoOawasN35pCj8NI/WASZE+oR8"
        "1fzMUkZmUbZ1EILEIEQJ/s4y1mxTViYfWaqbiHDKLCUX6q0H5EdGpV4pT+ExoLmSK89nNUBJm3TuRRehyy9SGtbrGEuW/RQzIVoJ"
        "8dwCW93YxNcv2b7+bsSpNkpsnAS9iKjamzarb9xEy1qYFH89jD4KByymz+wLEHR9kkMKRgKdXH9a+bOM/Ryj5BTfqe0CIJV4D/Mb"
        "jP3Bw79HxVxAvy40B48RWF6EmFWinqDrRFlbh98O3bjSIeiUqpMnw5zjhGJ9dB3RkD2Sm9qMZQIeDdaC9oHLHLz0aZkfMvFN3THb"
        "SDww/onyg0cChCpBSONLs1QX9VRa2uVa7wpRs6gfs6WxP86Xipuu132isG7qerZwI38I1y4O3Hz2sS7TjU/OctJ5gMkoIzo8G7Rs"
        "xKigW2fn0MS7kUCCeqSBGrATAXF+nACHig7h7SqmxPf7BaWte6qlqbIQGz5Tv3y8QnbfRGuPnTKnMnykU+wSsv9kQfjaAf3OPovf"
        "YJqzU3mN9no7ONru5At+x5DTH2hrrBnLK7cX+9plt9BiOFDEeS9MEYqJm+FwtR7yfxWMA0JQy4J5tslty18+ntnu+0jqS3J9oP5K"
        "PDaAvuX3obJBIOdr/B9sVwMSAd6J7OmeD/GUpFvao1ICcNqLfREtM02WFEs30lnW9dxV7fTmql2g4wTNrkKln4cgYJFSMfw316hA"
        "ssnjujjvEO9vamymbtiN30d8EMQZpxOae/m/EQ8dVwdpz3KJ/A7OsoPI8J6lN5fJ6nD7U8n2Ne4A3VjYByrImSb4sIgIaVB9u2ah"
        "zJhooIGESriweLIgDcQf+FLCGNlK6psvKBXGv4UDWDum5cN07f0gxYomW2fHG0FkM0U/BAVeR8GzQ9UapudlnraSds3FPkB7V5r8"
        "Lj8Oj+ERtx96ZzWpKDrwZ+bOgd+sBZ3wVmA9WYpMJjjMv2QYc44RuMSYJhcdaLJ6GpUcUeCwK8EhO/n79JaJuIHE/qWaivc4AYsF"
        "o1OM4V7RKhQwgfIGCSqGSIb3DQEHAaCB5ASB4TCB3jCB2wYLKoZIhvcNAQwKAQKggaQwgaEwXQYJKoZIhvcNAQUNMFAwLwYJKoZI"
        "hvcNAQUMMCIEECU2ViJ4yqtJL5o0zQrwO5kCAggAMAoGCCqGSIb3DQIJMB0GCWCGSAFlAwQBKgQQ4CDR/8MX9jwKhi/AN9JPywRA"
        "CWMGzonFhzyzZqhWn6RC7CQDzptBgW7G46tPNnEudj1CzkkwLS1uxmB8GInaVPTsLJd+8hafTX6sr8OFSOOUSjElMCMGCSqGSIb3"
        "DQEJFTEWBBT71d0yQTMInvZKfwN+5PHk7fbSyDB4MHEwTQYJKoZIhvcNAQUOMEAwMgYJKoZIhvcNAQUMMCUEECrRikNhzpAy0IbZ"
        "4O5YF6ACAggAAgEgMAoGCCqGSIb3DQIJMAoGCCqGSIb3DQIJBCDP/FLWCkVABOzVupa30wqAmG88SvkBfE3+JCz74/XZzQQAAgEA"
    ),
    "none": (
        "MIIFRAIBAzCCBT0GCSqGSIb3DQEHAaCCBS4EggUqMIIFJjCCBKcGCSqGSIb3DQEHAaCCBJgEggSUMIIEkDCCAZoGCyqGSIb3DQEM"
        "CgEDoIIBYjCCAV4GCiqGSIb3DQEJFgGgggFOBIIBSjCCAUYwgfmgAwIBAgIULuhTG3Iw9y9RtgWdF9rBnP+NN6gwBQYDK2VwMBIx"
        "EDAOBgNVBAMMB2VkIGNlcnQwHhcNMjQwMTAxMDAwMDAwWhcNNDkwMTAxMDAwMDAwWjASMRAwDgYDVQQDDAdlZCBjZXJ0MCowBQYD"
        "K2VwAyEAqRMyjEp7CRsqe6Qsw+1Xn2Fd9s4RhG4x4GHY08jHf5mjYTBfMAwGA1UdEwEB/wQCMAAwHQYDVR0OBBYEFF/NEBan4IaN"
        "YtX9ltMFkwhb7IDkMB8GA1UdIwQYMBaAFF/NEBan4IaNYtX9ltMFkwhb7IDkMA8GA1UdEQQIMAaHBAoAAAEwBQYDK2VwA0EAe8K4"
        "piEj1SaE5NcWpvLR4WhItmDFvrZI6texx5pUwWTRcQhCQOxMJRte3XzqlZExZ+jwOUTh0xPR1IzFkGs7BTElMCMGCSqGSIb3DQEJ"
        "FTEWBBT71d0yQTMInvZKfwN+5PHk7fbSyDCCAXUGCyqGSIb3DQEMCgEDoIIBYjCCAV4GCiqGSIb3DQEJFgGgggFOBIIBSjCCAUYw"
        "gfmgAwIBAgIULuhTG3Iw9y9RtgWdF9rBnP+NN6gwBQYDK2VwMBIxEDAOBgNVBAMMB2VkIGNlcnQwHhcNMjQwMTAxMDAwMDAwWhcN"
        "NDkwMTAxMDAwMDAwWjASMRAwDgYDVQQDDAdlZCBjZXJ0MCowBQYDK2VwAyEAqRMyjEp7CRsqe6Qsw+1Xn2Fd9s4RhG4x4GHY08jH"
        "f5mjYTBfMAwGA1UdEwEB/wQCMAAwHQYDVR0OBBYEFF/NEBan4IaNYtX9ltMFkwhb7IDkMB8GA1UdIwQYMBaAFF/NEBan4IaNYtX9"
        "ltMFkwhb7IDkMA8GA1UdEQQIMAaHBAoAAAEwBQYDK2VwA0EAe8K4piEj1SaE5NcWpvLR4WhItmDFvrZI6texx5pUwWTRcQhCQOxM"
        "JRte3XzqlZExZ+jwOUTh0xPR1IzFkGs7BTEAMIIBdQYLKoZIhvcNAQwKAQOgggFiMIIBXgYKKoZIhvcNAQkWAaCCAU4EggFKMIIB"
        "RjCB+aADAgECAhQu6FMbcjD3L1G2BZ0X2sGc/403qDAFBgMrZXAwEjEQMA4GA1UEAwwHZWQgY2VydDAeFw0yNDAxMDEwMDAwMDBa"
        "Fw00OTAxMDEwMDAwMDBaMBIxEDAOBgNVBAMMB2VkIGNlcnQwKjAFBgMrZXADIQCpEzKMSnsJGyp7pCzD7VefYV32zhGEbjHgYdjT"
        "yMd/maNhMF8wDAYDVR0TAQH/BAIwADAdBgNVHQ4EFgQUX80QFqfgho1i1f2W0wWTCFvsgOQwHwYDVR0jBBgwFoAUX80QFqfgho1i"
        "1f2W0wWTCFvsgOQwDwYDVR0RBAgwBocECgAAATAFBgMrZXADQQB7wrimISPVJoTk1xam8tHhaEi2YMW+tkjq17HHmlTBZNFxCEJA"
        "7EwlG17dfOqVkTFn6PA5ROHTE9HUjMWQazsFMQAweQYJKoZIhvcNAQcBoGwEajBoMGYGCyqGSIb3DQEMCgEBoDAwLgIBADAFBgMr"
        "ZXAEIgQgfMKiwW4D2fM0jDOWegaxn5hxDfc6IuiT0yhaIECLN8YxJTAjBgkqhkiG9w0BCRUxFgQU+9XdMkEzCJ72Sn8DfuTx5O32"
        "0sg="
    ),
    "rc2-empty": (
        "MIIF2AIBAzCCBaQGCSqGSIb3DQEHAaCCBZUEggWRMIIFjTCCBN8GCSqGSIb3DQEHBqCCBNAwggTMAgEAMIIExQYJKoZIhvcNAQcB"
        "MBwGCiqGSIb3DQEMAQYwDgQIsFH9uvnLlBkCAggAgIIEmJtYowFI8d558CIxIpbqJYxxi/2OZ6HkEQQC/pDGZbXIuM8qi9eecpNF"
        "mZRtKCI7cDweCYiEeBOZRoCvJ3jjao+gHG47WFcnJColILk01EJHB8xM90bwVjLxI0XgZTGJUPl4sZGuZFirqMI72AaybRvSBczY"
        "FrIAjUBJcznVhQj3nUJvBhbDMH12yEY3eyIckIbPfQ2LWydWgUplidfh3NMngeuaSFStsohp+PaIQX9sq9otup0WpW9cyBSVMkAB"
        "RUw6u52hvTjVOK2XWwZZ6jA1/9XAQ+VTzItiwNQIpyCzFxMXuvAsdIY2Jng1zaD+lxpE7ZXBmt5CgMh1TXAlDqju4c+1fjO+ybrt"
        "ns/s8ZyuYt5hjcErXdZ2zvUEIjaKK5DkIYGuGCa7Vb2eGYXYSJQJJnAqXO2+xPmExT3GnqhDQl8IdVVWIi/m6pZFwLkGmzp5vvFJ"
        "McVUvAmuYlHa2z8+H9bX+XMVdO0CLkR9Zd2RijkQicAW2hdndEau5r7bbqiiZhN7wBYgsLQhW+5bDgLcH67B1zVa14pradq8mBKS"
        "SBilZe/YBTlJ1j+2L3WP6C+SswuelDHDOKvvvnpz3Sh358PVmZxZ80IJAE1KkcaXdReUxSAsGXEYd4K5exL9WGTLqavGALsNSaM4"
        "OVXc2iOkvTq7M1r1NPwbovLhVtB67yXtyBMD4GYSe3FXhbz5QmeYqNKTan5VXAKAuQ0lnRAovCX6WAfVmghZImWVhG1U9cBC67k+"
        "+EoZs2/eerdxYcK5r7SpvdBRSdPlLLJ1lCspyC9/G2Y/yp7CLNX6h3SIMiR/d8CWOQ9ct4kbkYEtJZzSD0kg4KP8t3RJGAgolMz/"
        "riKzTlpERWuE2nyPR1/GENf2WJd0GZgt6r/Kvn53UyQrsYlMkxA/mQZesCHBOc3KQC/YiRvPzFRqDltciEv0ajUg0AiU5bm/gaSr"
        "lAaf2dl9Hoo6/ha/noJEBuxnuYyMewKqxqLkY491CJCYHOZmNjowL43f5ddFsRxfz6pkywEqlYNkLIYRkliV49S/OZbw6XtdQnxM"
        "OkIRe34ONqo5csrssv3qRRb+NeM5A6nLNiKPw8ZPHWy5SFnfueg+G3DEV1i/fEzu8dM2NMAbh+Q8hrTEsOMEBUn3rmSjje5tF+73"
        "9Q2+dj/wmjidRz29K9GVZ9kkrCeSo5wTMiaXNwiIC8pCBT60RCU2sy8piZ7BVOrSsfaxr1jN1umNS48y5pkeHyxCo4sCfznM0dhV"
        "SMAOR/Xx6z7Hs9+nno9CM13GOtRdQv0ogwCOSKkyAOwjQThpzm/swaTY3TPKo/4kxHEzQM9Q3T+tgy2uKUAiC55tRtPvVkh7EaxU"
        "8OAUXpSSa46gNLEAV7ls578lTmgAKblsm4pbdsKgSiQOsDZV8eYB8e8X0q0IsgV+sbjp5BXgFb6lsB/BLgrthU1rmvMZn896Uh9R"
        "7LAu484GvSeZrBtoOgqDMhwdGnok1+rRnrz14kS7+iYTvgv9PKDMA6P6qU1H/Dgqf8FiBcP58AsmzZqSldhG2ruD4ViBa9/j3wyv"
        "qanYz13riJWT0jCBpwYJKoZIhvcNAQcBoIGZBIGWMIGTMIGQBgsqhkiG9w0BDAoBAqBaMFgwHAYKKoZIhvcNAQwBAzAOBAhqRNt4"
        "8MScGAICCAAEOHmx2HYaCepa2OtaCKO/KwqOFpNWe4qHkX5/LkOXomFr/xhLiWudDmLRSC8QZTS9HlwIaPrLmWFtMSUwIwYJKoZI"
        "hvcNAQkVMRYEFPvV3TJBMwie9kp/A37k8eTt9tLIMCswHzAHBgUrDgMCGgQU/8SwhIEbuVet14Y32v+WIqOwDn8ECIbKkdAGPIZP"
    ),
}
"""Files that `go-pkcs12` wrote with its other encoders, all of one key and three times its certificate."""


def made(name: str) -> Certificate:
    template = Template(common_name=name, not_before=START, not_after=START + timedelta(days=1))
    return parse_certificate(create_certificate(template, KEY))


LEAF, OTHER = made("leaf"), made("other")


@pytest.mark.parametrize("password", ["", "pw", "pä€"])
def test_what_is_written_is_read(password: str) -> None:
    contents = decode_chain(pkcs12.encode(KEY, LEAF, [OTHER], password), password)
    assert marshal_pkcs8(contents.key) == marshal_pkcs8(KEY)
    assert (contents.certificate, contents.others) == (LEAF, (OTHER,))


@pytest.mark.parametrize("password", ["", "pw", "pä€"])
def test_another_library_reads_it(password: str) -> None:
    key, certificate, others = library.load_key_and_certificates(
        pkcs12.encode(KEY, LEAF, [OTHER], password), password.encode()
    )
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.private_numbers() == KEY.private_numbers()
    assert certificate == LEAF.load()
    assert others == [OTHER.load()]


@pytest.mark.parametrize("password", ["", "pw"])
def test_another_library_reads_a_trust_store(password: str) -> None:
    stored = library.load_pkcs12(pkcs12.encode_trust_store([LEAF, OTHER], password), password.encode())
    assert stored.key is None
    assert {entry.certificate for entry in stored.additional_certs} == {LEAF.load(), OTHER.load()}
    assert {entry.friendly_name for entry in stored.additional_certs} == {b"CN=leaf", b"CN=other"}


BUILDER = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(10)
OLD_MAC = hashes.SHA1()  # noqa: S303 - what old files have
ALGORITHMS = [
    BestAvailableEncryption(b"pw"),
    BUILDER.key_cert_algorithm(library.PBES.PBESv1SHA1And3KeyTripleDESCBC).hmac_hash(OLD_MAC).build(b"pw"),
    BUILDER.key_cert_algorithm(library.PBES.PBESv2SHA256AndAES256CBC).hmac_hash(hashes.SHA512()).build(b"pw"),
]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_another_library_writes_is_read(algorithm: BestAvailableEncryption) -> None:
    data = library.serialize_key_and_certificates(b"name", KEY, LEAF.load(), [OTHER.load()], algorithm)
    contents = decode_chain(data, "pw")
    assert (contents.certificate, contents.others) == (LEAF, (OTHER,))


def test_a_file_without_encryption_is_read() -> None:
    data = library.serialize_key_and_certificates(b"name", KEY, LEAF.load(), None, NoEncryption())
    assert decode_chain(data, "").certificate == LEAF


@pytest.mark.parametrize(
    ("name", "password"), [("rc2", "pä"), ("triple-des", "pä"), ("pbmac1", "pä"), ("none", ""), ("rc2-empty", "")]
)
def test_old_files_are_read(name: str, password: str) -> None:
    contents = decode_chain(base64.b64decode(OLD[name]), password)
    assert len(contents.others) == 2
    for wrong in ("x", "\U0001f511"):
        with pytest.raises(PKCS12Error):
            decode_chain(base64.b64decode(OLD[name]), wrong)


def test_files_without_key_or_certificate_are_refused() -> None:
    no_key = pkcs12.encode_trust_store([LEAF], "pw")
    no_certificate = library.serialize_key_and_certificates(None, KEY, None, None, ALGORITHMS[2])
    for data in (no_key, no_certificate):
        with pytest.raises(PKCS12Error, match="missing"):
            decode_chain(data, "pw")


@pytest.mark.parametrize(
    "data", [b"", b"junk", asn1.encode(asn1.SEQUENCE), asn1.encode(asn1.SEQUENCE, asn1.encode_integer(2))]
)
def test_what_is_no_file_is_refused(data: bytes) -> None:
    with pytest.raises(PKCS12Error):
        decode_chain(data, "")


def test_no_changed_byte_does_harm() -> None:
    data = pkcs12.encode(KEY, LEAF, [], "pw")
    for index in range(0, len(data), 3):
        broken = bytearray(data)
        broken[index] ^= 0x81
        try:
            decode_chain(bytes(broken), "pw")
        except PKCS12Error:
            continue


def test_rounds_are_limited() -> None:
    rounds = asn1.encode_integer(pkcs12.ITERATIONS)
    assert len(rounds) == 4
    data = pkcs12.encode(KEY, LEAF, [], "pw")
    many = data.replace(rounds, b"\x02\x02\x7f\xff")
    with pytest.raises(PKCS12Error, match="incorrect"):
        decode_chain(many, "pw")
    with pytest.raises(PKCS12Error, match="iterations"):
        pkcs12._derive("sha1", b"", b"", pkcs12.MAX_ITERATIONS + 1, 1, 20)


@pytest.mark.parametrize(
    "write", [lambda: pkcs12.encode(KEY, LEAF, [], "\U0001f511"), lambda: pkcs12.encode_trust_store([], "\U0001f511")]
)
def test_passwords_beyond_the_basic_plane_are_refused(write: object) -> None:
    with pytest.raises(PKCS12Error):
        write()  # type: ignore[operator]


def test_keys_show_in_no_repr() -> None:
    contents = decode_chain(pkcs12.encode(KEY, LEAF, [], ""), "")
    assert repr(contents) == "Contents()"
